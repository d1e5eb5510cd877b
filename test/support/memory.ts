/** What this process holds, without the garbage that happens to lie about. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use after a collection: the heap and all buffers. */
export function heldBytes(): number {
  // The second collection waits until the buffers that the first one found dead are given back.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
