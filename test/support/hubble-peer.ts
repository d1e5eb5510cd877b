/**
 * A Hubble agent of its own make, from the facts of the wire alone: the messages of the code under
 * test are neither written nor read by its own functions. It says what the test tells it to say.
 */
import { once } from 'node:events';
import net from 'node:net';
import type { TestContext } from 'node:test';
import { decode } from '@msgpack/msgpack';
import { WebSocket } from 'ws';
import { until, within } from './wait.ts';

export const HANDSHAKE = 1;
export const INITIATOR = 2;
export const DATA = 3;
export const TERMINATOR = 4;
export const CLOSED = 5;
export const ACK = 255;

type Value = string | number | boolean | Buffer;

/** Keys in byte order; text and bytes in the old raw family. */
export function hubbleMessage(type: number, fields: Readonly<Record<string, Value>>): Buffer {
  const keys = Object.keys(fields).toSorted();
  const parts = keys.flatMap((key) => [raw(Buffer.from(key)), written(fields[key])]);
  return Buffer.concat([Buffer.of(type, 0x80 + keys.length), ...parts]);
}

function written(value: Value): Buffer {
  if (typeof value === 'boolean') return Buffer.of(value ? 0xc3 : 0xc2);
  if (typeof value !== 'number') return raw(Buffer.from(value as string));
  if (value < 128) return Buffer.of(value);
  if (value < 256) return Buffer.of(0xcc, value);
  if (value < 65_536) return Buffer.of(0xcd, value >> 8, value & 255);
  const four = Buffer.alloc(5, 0xce);
  four.writeUInt32BE(value, 1);
  return four;
}

function raw(bytes: Buffer): Buffer {
  const n = bytes.length;
  if (n < 32) return Buffer.concat([Buffer.of(0xa0 + n), bytes]);
  if (n < 65_536) return Buffer.concat([Buffer.of(0xda, n >> 8, n & 255), bytes]);
  const head = Buffer.alloc(5, 0xdb);
  head.writeUInt32BE(n, 1);
  return Buffer.concat([head, bytes]);
}

export interface Heard {
  readonly type: number;
  readonly bytes: Buffer;
  text(key: string): string;
  data(): Buffer;
  readonly fields: Readonly<Record<string, unknown>>;
}

function read(bytes: Buffer): Heard {
  const fields = decode(bytes.subarray(1), { rawStrings: true }) as Record<string, unknown>;
  const of = (key: string): Buffer => Buffer.from((fields[key] ?? []) as Uint8Array);
  return {
    type: bytes[0],
    bytes,
    fields,
    text: (key) => of(key).toString(),
    data: () => of('Data'),
  };
}

export interface HubblePeer {
  readonly socket: WebSocket;
  /** Everything that came, in order. */
  readonly heard: Heard[];
  readonly pings: number;
  send(type: number, fields: Readonly<Record<string, Value>>): void;
  sendBytes(bytes: Buffer): void;
  /** The first message, from the beginning, that fits; waits for it. */
  hear(type: number, guid?: string): Promise<Heard>;
  /** Waits for the connection to end. */
  ended(): Promise<unknown>;
}

/** Connects, and says nothing yet. */
export async function connectPeer(t: TestContext, port: number, path = '/'): Promise<HubblePeer> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false });
  const heard: Heard[] = [];
  let pings = 0;
  socket.on('message', (bytes: Buffer) => heard.push(read(bytes)));
  socket.on('ping', () => pings++);
  socket.on('error', () => {});
  const close = once(socket, 'close');
  close.catch(() => {});
  t.after(() => socket.terminate());
  await within(5_000, once(socket, 'open'), 'the upgrade');
  const fits = (type: number, guid?: string) => (one: Heard) =>
    one.type === type && (guid === undefined || one.text('GUID') === guid);
  return {
    socket,
    heard,
    get pings() {
      return pings;
    },
    send: (type, fields) => socket.send(hubbleMessage(type, fields)),
    sendBytes: (bytes) => socket.send(bytes),
    async hear(type, guid) {
      await until(`message ${type} of ${guid ?? 'any session'}`, () =>
        heard.some(fits(type, guid)),
      );
      return heard.find(fits(type, guid))!;
    },
    ended: () => within(10_000, close, 'the end of the connection'),
  };
}

/** Connects, shakes hands and is welcome. */
export async function joinPeer(
  t: TestContext,
  port: number,
  name: string,
  key = '',
): Promise<HubblePeer> {
  const peer = await connectPeer(t, port);
  peer.send(HANDSHAKE, { Version: '0.1', Name: name, Key: key });
  const { fields } = await peer.hear(ACK);
  if (fields.Ok !== true) throw new Error(`agent ${name} is not welcome`);
  return peer;
}

/**
 * Serves sessions as the originals do: dials what is asked for, acknowledges before it is ready,
 * reads up to 1,024 bytes at a time, insists on orders, and on the end of its socket says one more,
 * empty data message, then that it has closed.
 */
export function serveSessions(peer: HubblePeer): void {
  const sessions = new Map<string, { socket: net.Socket; order: number }>();
  peer.socket.on('message', (bytes: Buffer) => {
    const message = read(bytes);
    const guid = message.text('GUID');
    if (message.type === INITIATOR) {
      const socket = net.connect(Number(message.fields.RemotePort), message.text('RemoteHost'));
      socket.once('connect', () => {
        peer.send(ACK, { GUID: guid, Ok: true, Message: '<nil>' });
        // The gap in which an original loses what comes too early.
        setImmediate(() => sessions.set(guid, { socket, order: 0 }));
      });
      let refused = true;
      socket.once('connect', () => (refused = false));
      socket.on('error', (error) => {
        if (refused)
          peer.send(ACK, { GUID: guid, Ok: false, Message: `dial tcp: ${error.message}` });
      });
      let order = 0;
      const say = (data: Buffer): void =>
        peer.send(DATA, { Data: data, GUID: guid, Order: ++order });
      socket.on('data', (chunk: Buffer) => {
        for (let at = 0; at < chunk.length; at += 1024) say(chunk.subarray(at, at + 1024));
      });
      socket.on('end', () => {
        say(Buffer.alloc(0));
        peer.send(CLOSED, { GUID: guid });
      });
      return;
    }
    const session = sessions.get(guid);
    if (session === undefined) return;
    if (message.type === TERMINATOR) session.socket.destroy();
    if (message.type !== DATA) return;
    if (message.fields.Order !== ++session.order) session.socket.destroy();
    else session.socket.write(message.data());
  });
}
