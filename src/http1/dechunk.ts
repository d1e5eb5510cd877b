/** The data in a whole body in chunked coding (RFC 9112, section 7.1) that a `BodyTracker` has followed to its end. */
export function dechunk(body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, line), 16);
    if (size === 0) return Buffer.concat(pieces);
    const data = line + 2;
    pieces.push(body.subarray(data, data + size));
    at = data + size + 2;
  }
}
