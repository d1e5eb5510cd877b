/** A service that says who may come in, as an operator would have one. */
import http from 'node:http';
import type net from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

export interface AuthService {
  readonly url: string;
  /** The questions, in order. */
  readonly asked: http.IncomingMessage[];
  /** Default: 200 and the name `ann` for `Bearer right`, 401 for all else. */
  answer: http.RequestListener;
  close(): void;
}

export async function startAuthService(t: TestContext): Promise<AuthService> {
  const server = http.createServer((request, response) => {
    service.asked.push(request);
    service.answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const service: AuthService = {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/auth`,
    asked: [],
    answer(request, response) {
      const right = request.headers.authorization === 'Bearer right';
      response.writeHead(right ? 200 : 401, { 'X-User': 'ann-by-field' });
      response.end('{"name":"ann"}');
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  t.after(() => service.close());
  return service;
}
