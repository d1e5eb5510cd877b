/** Writes the head of a response of HTTP/3 as HTTP/1.1 has it. */
import { STATUS_CODES } from 'node:http';
import type { Field } from '../http3/field.ts';
import { isBodyless, type ResponseHead } from '../http3/heads.ts';

/** How the end of a body shows. */
export type BodyEnd = 'none' | 'length' | 'chunks' | 'close';

export function interimBytes(head: ResponseHead): Buffer {
  return Buffer.from(`${lines(head.status, head.fields)}\r\n`, 'latin1');
}

/** `old`: the request was of HTTP/1.0. */
export function responseBytes(
  head: ResponseHead,
  method: string,
  old: boolean,
): { readonly bytes: Buffer; readonly bodyEnd: BodyEnd } {
  const bodyEnd = isBodyless(method, head.status)
    ? 'none'
    : head.contentLength !== null
      ? 'length'
      : old
        ? 'close'
        : 'chunks';
  // RFC 9110, section 8.6: none in a 204. Without a body it is the length of what GET would have got.
  const length = head.status === 204 ? null : head.contentLength;
  const framing =
    bodyEnd === 'chunks'
      ? 'Transfer-Encoding: chunked\r\n'
      : length === null
        ? ''
        : `Content-Length: ${length}\r\n`;
  const all = `${lines(head.status, head.fields)}${framing}Connection: close\r\n\r\n`;
  return { bytes: Buffer.from(all, 'latin1'), bodyEnd };
}

/** HTTP/3 has checked that names and values hold nothing that ends a line. */
function lines(status: number, fields: readonly Field[]): string {
  const fieldLines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Status'}\r\n${fieldLines.join('')}`;
}
