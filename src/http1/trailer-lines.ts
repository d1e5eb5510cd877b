/** The trailers of a chunked body, gathered while a `ChunkScanner` checks them; RFC 9112, section 7.1.2. */

export class TrailerLines {
  #bytes: number[] = [];

  /** A byte of the field lines, whose number the scanner bounds. */
  byte(byte: number): void {
    this.#bytes.push(byte);
  }

  /** Name and value of each, one character a byte. Only for a body that has come to its end. */
  fields(): [name: string, value: string][] {
    const lines = Buffer.from(this.#bytes).toString('latin1').split('\r\n').slice(0, -1);
    return lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
    });
  }
}
