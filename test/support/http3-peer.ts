/** A peer of HTTP/3 that sends whatever bytes it likes. */
import type { ByteReceiver, ByteStream } from '../../src/compat/reverst/http3/byte-stream.ts';
import { createHttp3Connection } from '../../src/compat/reverst/http3/connection.ts';
import { h3Name, type Http3Error } from '../../src/compat/reverst/http3/fault.ts';
import type { Field } from '../../src/compat/reverst/http3/field.ts';
import { FRAME, frame } from '../../src/compat/reverst/http3/frames.ts';
import { encodeFields } from '../../src/compat/reverst/http3/qpack/encode.ts';
import type { ServedExchange } from '../../src/compat/reverst/http3/request-stream.ts';
import { varint } from '../../src/compat/reverst/http3/varint.ts';
import { createMemoryConnection } from './byte-streams.ts';
import { createRecorded, getRequest, type Recorded } from './http3-exchange.ts';

const ignore: ByteReceiver = { data() {}, finished() {}, reset() {}, stopped() {}, drained() {} };
export const settings = frame(FRAME.SETTINGS, Buffer.alloc(0));
export const control = Buffer.concat([varint(0), settings]);
export const headers = (...fields: Field[]) => frame(FRAME.HEADERS, encodeFields(fields));
export const request = headers(
  [':method', 'POST'],
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/'],
);
export const response = headers([':status', '200']);
export const data = frame(FRAME.DATA, Buffer.from('body'));
export const trailers = headers(['x-sum', '1']);

/** An end of ours that serves or asks, and a peer that sends whatever bytes it likes. */
export function against(ours: 'serves' | 'asks') {
  const memory = createMemoryConnection();
  const served: { exchange: ServedExchange; received: Recorded }[] = [];
  const failures: Http3Error[] = [];
  const failed = (error: Http3Error): void => void failures.push(error);
  const serve = (exchange: ServedExchange): Recorded => {
    const received = createRecorded();
    served.push({ exchange, received });
    return received;
  };
  const role = ours === 'serves' ? { serve } : {};
  const connection = createHttp3Connection({ session: memory.client, failed, ...role });
  memory.client.acceptor = connection;
  memory.server.acceptor = { acceptBidi: () => ignore, acceptUni: () => ignore };
  memory.run();
  const send = (stream: ByteStream, bytes: Buffer, end: boolean): ByteStream => {
    stream.write(bytes);
    if (end) stream.end();
    memory.run();
    return stream;
  };
  return {
    memory,
    connection,
    served,
    failures,
    uni: (bytes: Buffer, end = false) => send(memory.server.openUni(ignore), bytes, end),
    bidi: (bytes: Buffer, end = true) => send(memory.server.openBidi(ignore), bytes, end),
    /** Answers a request of ours with these bytes. */
    answer(bytes: Buffer, end = true, method = 'GET') {
      const got = createRecorded();
      const exchange = connection.request({ ...getRequest, method }, got);
      exchange.end();
      memory.run();
      send(memory.streams.server.get(exchange.id)!, bytes, end);
      return { got, near: memory.streams.client.get(exchange.id)! };
    },
    /** The name the connection was closed with, or null. */
    closedWith: () => (memory.client.closes[0] ? h3Name(memory.client.closes[0].code) : null),
  };
}
