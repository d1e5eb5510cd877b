/**
 * A small API server of a Kubernetes cluster: ConfigMaps and Secrets that can be listed by name and
 * watched from a position, over TLS, by whoever has the token. A test changes objects, and can make it
 * as unpleasant as real ones are at times.
 */
import { writeFileSync } from 'node:fs';
import type http from 'node:http';
import https from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { podAccess, type ClusterAccess } from '../../src/compat/reverst/kubernetes/access.ts';
import { makeCertificate, temporaryFolder } from './files.ts';

type Kind = 'configmap' | 'secret';
type Content = Readonly<Record<string, string>>;

interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** `configmap/NAMESPACE/NAME`. */
  readonly key: string;
  readonly object: object;
  readonly version: number;
}

interface Watcher {
  readonly key: string;
  readonly response: http.ServerResponse;
}

export class KubernetesApi {
  readonly access: ClusterAccess;
  /** What was asked, as `list configmap/NAMESPACE/NAME` and `watch configmap/NAMESPACE/NAME POSITION`. */
  readonly asked: string[] = [];
  /** Answers in place of its own; null: its own. */
  answer: ((verb: 'list' | 'watch', response: http.ServerResponse) => boolean) | null = null;
  readonly #server: https.Server;
  #token = 'token-of-the-pod';
  #version = 1_000;
  #forgotten = 0;
  #objects = new Map<string, object>();
  #changes: Change[] = [];
  #watchers = new Set<Watcher>();

  constructor(server: https.Server, folder: string, ca: string) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    const env = {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(port),
    };
    this.access = podAccess(env, folder);
    writeFileSync(this.access.caFile, ca);
    this.rotateToken(this.#token);
    server.on('request', (request, response) => this.#take(request, response));
  }

  /** Watches that stand. */
  get watches(): number {
    return this.#watchers.size;
  }

  /** From now on it is this one that counts, and that the pod finds in its file. */
  rotateToken(token: string, inFile = token): void {
    this.#token = token;
    writeFileSync(this.access.tokenFile, `${inFile}\n`, { mode: 0o600 });
  }

  put(kind: Kind, name: string, data: Content, binaryData?: Content): void {
    const key = `${kind}/tunnels/${name}`;
    const object = {
      metadata: { name, namespace: 'tunnels', resourceVersion: String(++this.#version) },
      data,
      ...(binaryData && { binaryData }),
    };
    this.#change(this.#objects.has(key) ? 'MODIFIED' : 'ADDED', key, object);
    this.#objects.set(key, object);
  }

  remove(kind: Kind, name: string): void {
    const key = `${kind}/tunnels/${name}`;
    const object = this.#objects.get(key)!;
    this.#objects.delete(key);
    const metadata = { name, resourceVersion: String(++this.#version) };
    this.#change('DELETED', key, { ...object, metadata });
  }

  /** Something else happens in the cluster; watchers hear where it stands. */
  bookmark(): void {
    const metadata = { resourceVersion: String(++this.#version) };
    this.sayToWatchers(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`);
  }

  /** Whatever happened up to now: no watch can go on from before it. */
  forget(): void {
    this.#forgotten = this.#version;
  }

  sayToWatchers(text: string): void {
    for (const { response } of this.#watchers) response.write(text);
  }

  /** `how`: in order, or by breaking the connection. */
  endWatches(how: 'end' | 'destroy'): void {
    for (const { response } of this.#watchers) response[how]();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #change(type: Change['type'], key: string, object: object): void {
    const change = { type, key, object, version: this.#version };
    this.#changes.push(change);
    for (const watcher of this.#watchers) tell(watcher, change);
  }

  #take(request: http.IncomingMessage, response: http.ServerResponse): void {
    const url = new URL(request.url!, 'https://localhost');
    const [, namespace, kind] =
      /^\/api\/v1\/namespaces\/([^/]+)\/(configmap|secret)s$/.exec(url.pathname) ?? [];
    const [, name] =
      /^metadata\.name=(.+)$/.exec(url.searchParams.get('fieldSelector') ?? '') ?? [];
    const key = `${kind}/${namespace}/${name}`;
    const position = url.searchParams.get('resourceVersion');
    const verb = url.searchParams.get('watch') === 'true' ? 'watch' : 'list';
    this.asked.push(verb === 'list' ? `list ${key}` : `watch ${key} ${position}`);
    if (request.headers.authorization !== `Bearer ${this.#token}`)
      return refuse(response, 401, 'Unauthorized');
    if (this.answer?.(verb, response)) return;
    response.setHeader('Content-Type', 'application/json');
    if (verb === 'watch') return this.#watch(key, Number(position), response);
    const object = this.#objects.get(key);
    const metadata = { resourceVersion: String(this.#version) };
    response.end(JSON.stringify({ kind: 'List', metadata, items: object ? [object] : [] }));
  }

  #watch(key: string, from: number, response: http.ServerResponse): void {
    if (from < this.#forgotten) return refuse(response, 410, 'too old resource version');
    const watcher = { key, response };
    response.flushHeaders();
    for (const change of this.#changes) if (change.version > from) tell(watcher, change);
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }
}

function tell(watcher: Watcher, { type, key, object }: Change): void {
  if (key !== watcher.key) return;
  const line = Buffer.from(`${JSON.stringify({ type, object })}\n`);
  // As chunks come: never where lines end.
  watcher.response.write(line.subarray(0, 7));
  watcher.response.write(line.subarray(7));
}

/** As the API says no. */
export function refuse(response: http.ServerResponse, code: number, message: string): void {
  response.writeHead(code, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', message, code }));
}

export async function startKubernetesApi(t: TestContext): Promise<KubernetesApi> {
  const { cert, key } = await makeCertificate('127.0.0.1');
  const server = https.createServer({ cert, key });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const api = new KubernetesApi(server, temporaryFolder(t), cert);
  t.after(() => api.close());
  return api;
}
