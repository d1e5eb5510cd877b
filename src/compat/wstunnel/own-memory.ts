/**
 * Frees the memory of a buffer that nobody reads again, where it has its memory to itself. A collection
 * would come late: a response of 100 MB would leave twice as much as garbage, and each of its pieces
 * would come in memory that has fallen out of the processor's cache. A buffer that shares its memory
 * with others is left to the collector.
 */
export function freeOwnMemory({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}
