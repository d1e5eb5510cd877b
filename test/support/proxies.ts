/** Proxies that behave as a test wants: real ones, and ones that answer whatever they are told to. */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { TestContext } from 'node:test';

export interface PlayedProxy {
  readonly port: number;
  /** What each connection has sent before it was joined or answered. */
  readonly heard: Buffer[];
  /** Breaks every connection off; new ones are taken. */
  drop(): void;
}

export interface ProxyWish {
  /** Certificate and key: the proxy speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /**
   * What to answer when so much has been heard; null: wait for more. With `join` the connection is
   * joined to that port of loopback after the answer.
   */
  answer(heard: Buffer): {
    readonly bytes?: Buffer | string;
    readonly join?: number;
    /** The other end of the join gets what was heard as well. */
    readonly replay?: boolean;
    readonly end?: boolean;
  } | null;
}

/** Listens on a free port of 127.0.0.1 until the test ends. */
export async function playProxy(t: TestContext, wish: ProxyWish): Promise<PlayedProxy> {
  const heard: Buffer[] = [];
  const sockets = new Set<net.Socket>();
  const serve = (socket: net.Socket): void => {
    const index = heard.push(Buffer.alloc(0)) - 1;
    sockets.add(socket.on('error', () => {}));
    const listen = (chunk: Buffer): void => {
      heard[index] = Buffer.concat([heard[index], chunk]);
      const answer = wish.answer(heard[index]);
      if (answer === null) return;
      if (answer.bytes !== undefined) socket.write(answer.bytes);
      if (answer.end) socket.destroySoon();
      if (answer.join === undefined) return;
      socket.off('data', listen);
      const target = net.connect({ port: answer.join, host: '127.0.0.1' });
      sockets.add(target.on('error', () => socket.destroy()));
      if (answer.replay) target.write(heard[index]);
      socket.pipe(target).pipe(socket);
    };
    socket.on('data', listen);
  };
  const server = wish.tls ? tls.createServer(wish.tls, serve) : net.createServer(serve);
  server.on('tlsClientError', () => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    heard,
    drop() {
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
  };
}

/** An HTTP proxy that joins every CONNECT to `port`, and asks for this login if there is one. */
export function httpProxyTo(port: number, login?: string): ProxyWish['answer'] {
  return (heard) => {
    const text = heard.toString('latin1');
    if (!text.endsWith('\r\n\r\n')) return null;
    const basic = login === undefined ? '' : `Basic ${Buffer.from(login).toString('base64')}`;
    return login === undefined || text.includes(`\r\nProxy-Authorization: ${basic}\r\n`)
      ? { bytes: 'HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n', join: port }
      : {
          bytes:
            'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
          end: true,
        };
  };
}

/** A SOCKS 5 proxy for one connection, which it joins to `port`; it asks for this login if there is one. */
export function socksProxyTo(
  port: number,
  login?: { user: string; password: string },
): ProxyWish['answer'] {
  const expected =
    login &&
    Buffer.concat([
      Buffer.from([1, login.user.length]),
      Buffer.from(login.user),
      Buffer.from([login.password.length]),
      Buffer.from(login.password),
    ]);
  let stage = 0;
  let from = 0;
  return (heard) => {
    const rest = heard.subarray(from);
    if (stage === 0) {
      if (rest.length < 2 || rest.length < 2 + rest[1]) return null;
      from += 2 + rest[1];
      stage = login ? 1 : 2;
      const offered = rest.subarray(2, 2 + rest[1]);
      if (login && !offered.includes(2)) return { bytes: Buffer.from([5, 0xff]), end: true };
      return { bytes: Buffer.from([5, login ? 2 : 0]) };
    }
    if (stage === 1) {
      if (rest.length < expected!.length) return null;
      from += expected!.length;
      stage = 2;
      const right = rest.subarray(0, expected!.length).equals(expected!);
      return right ? { bytes: Buffer.from([1, 0]) } : { bytes: Buffer.from([1, 1]), end: true };
    }
    if (rest.length < 7) return null;
    return { bytes: Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]), join: port };
  };
}
