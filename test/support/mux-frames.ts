/** yamux frames written by hand, right or wrong, and a peer that sends them inside WebSocket messages. */
import net from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { readWebsocketFrames, websocketFrame, type ReadFrame } from './websocket-frames.ts';

export const DATA = 0;
export const WINDOW = 1;
export const PING = 2;
export const GO_AWAY = 3;

export const SYN = 1;
export const ACK = 2;
export const FIN = 4;
export const RST = 8;

export function muxFrame(
  type: number,
  flags: number,
  id: number,
  length: number,
  payload = Buffer.alloc(0),
  version = 0,
): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt8(version, 0);
  head.writeUInt8(type, 1);
  head.writeUInt16BE(flags, 2);
  head.writeUInt32BE(id, 4);
  head.writeUInt32BE(length, 8);
  return Buffer.concat([head, payload]);
}

/** Type, flags, id and length of a frame without payload. */
export type FrameFields = readonly [type: number, flags: number, id: number, length: number];

/** `count` frames in one buffer, cheap enough to flood with. */
export function muxFrames(count: number, fields: (index: number) => FrameFields): Buffer {
  const bytes = Buffer.alloc(12 * count);
  for (let i = 0; i < count; i++) {
    const [type, flags, id, length] = fields(i);
    bytes[12 * i + 1] = type;
    bytes[12 * i + 3] = flags;
    bytes.writeUInt32BE(id, 12 * i + 4);
    bytes.writeUInt32BE(length, 12 * i + 8);
  }
  return bytes;
}

const zeroKey = Buffer.alloc(4);

/** A client with no manners. It reads what it gets unless it is told not to. */
export class RawPeer {
  readonly socket: net.Socket;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  #received: Buffer[] = [];

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (piece: Buffer) => this.#received.push(piece));
    socket.on('end', () => socket.end());
    this.closed = new Promise((done) => socket.once('close', () => done()));
  }

  /** Sends bytes as they are; resolves when there is room for more, or there is no connection. */
  async bytes(bytes: Buffer): Promise<void> {
    if (this.socket.destroyed || this.socket.write(bytes)) return;
    const went = new AbortController();
    const { signal } = went;
    await Promise.race([once(this.socket, 'drain', { signal }), this.closed]).catch(() => {});
    went.abort();
  }

  /** Sends yamux frames as one binary message of a client. */
  frames(...frames: Buffer[]): Promise<void> {
    const payload = Buffer.concat(frames);
    return this.bytes(websocketFrame({ opcode: 2, payload, key: zeroKey }));
  }

  received(): ReadFrame[] {
    return readWebsocketFrames(Buffer.concat(this.#received));
  }

  /** The close frame that came: code and reason. */
  farewell(): { code: number; reason: string } | null {
    const close = this.received().find(({ opcode }) => opcode === 8);
    if (close === undefined || close.payload.length < 2) return null;
    return { code: close.payload.readUInt16BE(), reason: close.payload.toString('utf8', 2) };
  }
}

/** Connects peers; those that are left end with the test. */
export function rawPeers(t: TestContext): (port: number) => Promise<RawPeer> {
  const open = new Set<net.Socket>();
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  return async (port) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    const peer = new RawPeer(socket);
    await once(socket, 'connect');
    return peer;
  };
}
