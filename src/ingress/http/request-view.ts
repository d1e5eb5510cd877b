/** A request head for those who read few of them: the server's own endpoints, and error replies. */
import type { RequestHead } from '../../http1/request-head.ts';
import { requestRefusals } from '../../http1/refusals.ts';
import type { RequestView } from './own-endpoints.ts';

/** Valid until the next head is read. */
export function requestView(
  head: RequestHead,
  bytes: Buffer,
  base: number,
  host: string,
): RequestView {
  return {
    method: head.method.name,
    path: bytes.toString('latin1', base + head.pathStart, base + head.line.pathEnd),
    query: bytes.toString(
      'latin1',
      base + Math.min(head.line.pathEnd + 1, head.line.targetEnd),
      base + head.line.targetEnd,
    ),
    host,
    length: head.length,
    chunked: head.chunked,
    upgrade: head.upgrade && !head.chunked && head.length <= 0,
    field(name) {
      return fieldText(head, bytes, base, name, () => {
        throw requestRefusals.invalid('a field that may come once only came twice');
      });
    },
    fields() {
      const { fields } = head;
      return Array.from({ length: fields.count }, (_, index) => [
        bytes.toString('latin1', base + fields.nameStart(index), base + fields.nameEnd(index)),
        fields.text(bytes, base, index),
      ]);
    },
  };
}

/** Value of the first field of that name; null without one. `twice` is called when there are more. */
export function fieldText(
  head: RequestHead,
  bytes: Buffer,
  base: number,
  name: string,
  twice?: () => never,
): string | null {
  const { fields } = head;
  const wanted = name.toLowerCase();
  let value: string | null = null;
  for (let index = 0; index < fields.count; index++) {
    const start = fields.nameStart(index);
    const end = fields.nameEnd(index);
    if (end - start !== wanted.length) continue;
    if (bytes.toString('latin1', base + start, base + end).toLowerCase() !== wanted) continue;
    if (value !== null) twice?.();
    value ??= fields.text(bytes, base, index);
  }
  return value;
}
