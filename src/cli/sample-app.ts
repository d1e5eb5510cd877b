/** The small web app that `sallyport demo` puts behind its agent. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SampleApp {
  readonly port: number;
  close(): void;
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sallyport demo</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:4em auto;padding:0 1em}</style>
<h1>It works</h1>
<p>This page came from a web app that only listens on the loopback interface. The server has no way
to reach it: an agent beside the app dialled out to the server, and your request came down that
connection.</p>
<p>The app saw these forwarding headers:</p>
<pre>`;

/** Listens on a free port of the loopback interface. */
export async function startSampleApp(): Promise<SampleApp> {
  const server = http.createServer((request, response) => {
    const seen = Object.entries(request.headers)
      .filter(
        ([name]) => name === 'host' || name.startsWith('x-forwarded-') || name === 'forwarded',
      )
      .map(([name, value]) => escapeHtml(`${name}: ${String(value)}`));
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(`${page}${seen.join('\n')}</pre>\n</html>\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
