/** A web server that takes webhooks, and checks their signatures as the pages tell receivers to. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { SallyportEvent } from '../../src/events/event.ts';

export interface WebhookReceiver {
  readonly url: string;
  /** Events of all deliveries whose signature was right, in order. */
  readonly events: SallyportEvent[];
  /** Bodies as they came, the others too. */
  readonly bodies: string[];
}

export async function receiveWebhooks(t: TestContext, secret: string): Promise<WebhookReceiver> {
  const events: SallyportEvent[] = [];
  const bodies: string[] = [];
  const server = http.createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      bodies.push(body);
      const genuine = isGenuine(request.headers['sallyport-signature'], body, secret);
      if (genuine) events.push(...(JSON.parse(body) as { events: SallyportEvent[] }).events);
      response.writeHead(genuine ? 204 : 401).end();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, events, bodies };
}

/** Signed with the secret, within the last five minutes. */
function isGenuine(field: unknown, body: string, secret: string): boolean {
  const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(field)) ?? [];
  if (time === undefined || Math.abs(Date.now() / 1_000 - Number(time)) > 300) return false;
  const expected = createHmac('sha256', secret).update(`${time}.${body}`).digest();
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'));
}
