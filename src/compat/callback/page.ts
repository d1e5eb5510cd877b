/** The page at `/` and what stands under `/static/`: the two lists, kept up by their changes. */
import type { OwnReply } from '../../ingress/http/own-endpoints.ts';

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'";

const script = `'use strict';
const base = document.documentElement.dataset.contextPath;
const lists = {
  callback: ['callback_id', 'remote_addr', 'connected_at', 'num_clients'],
  connect: ['callback_id', 'remote_addr', 'connected_at', 'bytes_out', 'bytes_in'],
};
for (const [name, columns] of Object.entries(lists)) {
  const show = async () => {
    const answer = await fetch(base + '/api/v1/' + name);
    const { sessions } = await answer.json();
    const rows = Array.isArray(sessions)
      ? sessions
      : Object.entries(sessions).map(([callback_id, session]) => ({ callback_id, ...session }));
    const table = document.getElementById(name);
    table.replaceChildren(
      row('th', columns),
      ...rows.map((session) => row('td', columns.map((column) => String(session[column])))),
    );
  };
  const changes = new EventSource(base + '/api/v1/events/' + name);
  changes.onopen = show;
  changes.addEventListener('boot', show);
}
function row(kind, texts) {
  const line = document.createElement('tr');
  line.append(
    ...texts.map((text) => {
      const cell = document.createElement(kind);
      cell.textContent = text;
      return cell;
    }),
  );
  return line;
}
`;

const style = `body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; }
table { border-collapse: collapse; margin-bottom: 2rem; }
th, td { border-bottom: 1px solid #ccc; padding: 0.25rem 1rem 0.25rem 0; text-align: left; }
`;

function page(context: string): string {
  return `<!doctype html>
<html lang="en" data-context-path="${context}">
<head>
<meta charset="utf-8">
<title>callback</title>
<link rel="stylesheet" href="${context}/static/main.css">
<script defer src="${context}/static/main.js"></script>
</head>
<body>
<div id="app">
<h1>Callbacks</h1>
<table id="callback"></table>
<h1>Connections</h1>
<table id="connect"></table>
</div>
</body>
</html>
`;
}

/** Null: there is no such file. `path` begins behind the context path, whose characters are plain. */
export function findPage(path: string, context: string): OwnReply | null {
  switch (path) {
    case '/':
    case '/index.html':
      return file('text/html; charset=utf-8', page(context));
    case '/static/main.js':
      return file('text/javascript; charset=utf-8', script);
    case '/static/main.css':
      return file('text/css; charset=utf-8', style);
    default:
      return null;
  }
}

function file(type: string, body: string): OwnReply {
  const headers = {
    'Content-Type': type,
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
  };
  return { status: 200, headers, body };
}
