/** One end of a stream under test: sends a pattern, checks the one that comes, and counts every call. */
import assert from 'node:assert/strict';
import type { SallyportError } from '../../src/errors.ts';
import { QUIET_READ_BYTES } from '../../src/limits.ts';
import { HEADROOM, Slab, SlabPool } from '../../src/net/slab.ts';
import type { Stream, StreamReceiver } from '../../src/session/session.ts';
import { Pattern } from './pattern.ts';
import { within } from './wait.ts';

const LIMIT_MS = 20_000;

/** What endpoints send from; nothing may be out when all streams are gone. */
export const sendingSlabs = new SlabPool(64 * 1024);

/** Like the slab of all quiet sockets: what is written from it must have been copied. */
const sharedSlab = new Slab(Buffer.alloc(HEADROOM + QUIET_READ_BYTES), null);

interface Pushing {
  pattern: Pattern;
  sent: number;
  total: number;
  end: boolean;
  done: () => void;
}

export class Endpoint implements StreamReceiver {
  stream!: Stream;
  received = 0;
  /** Bytes delivered and not yet credited, when `crediting` is off. */
  owed = 0;
  crediting: boolean;
  drains = 0;
  readonly calls: string[] = [];
  #pattern: Pattern;
  #end = Promise.withResolvers<void>();
  #reset = Promise.withResolvers<SallyportError>();
  #waiting: { bytes: number; reached: () => void }[] = [];
  #pushing: Pushing | null = null;
  #round = 0;

  /** `seed`: of the pattern that is to come. */
  constructor(seed: number, crediting = true) {
    this.#pattern = new Pattern(seed);
    this.crediting = crediting;
  }

  // ---- What came ----

  data(slab: Slab, start: number, end: number): void {
    assert.deepEqual(this.calls, [], `data after ${this.calls.join(', ')}`);
    assert.ok(this.#pattern.holds(slab.bytes, start, end, this.received), `at ${this.received}`);
    this.received += end - start;
    if (this.crediting) this.stream.credit(end - start);
    else this.owed += end - start;
    slab.bytes.fill(0xee, slab.refs > 1 ? start : 0, end);
    this.#waiting = this.#waiting.filter(({ bytes, reached }) => {
      if (this.received < bytes) return true;
      reached();
      return false;
    });
  }

  finished(): void {
    this.calls.push('finished');
    this.#end.resolve();
  }

  reset(error: SallyportError): void {
    this.calls.push(`reset ${error.code}`);
    this.#reset.resolve(error);
  }

  /** Resolves when `bytes` have come. */
  has(bytes: number): Promise<void> {
    if (this.received >= bytes) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ bytes, reached: resolve });
    return this.#unlessReset(promise, `${bytes} bytes`);
  }

  ended(): Promise<void> {
    return this.#unlessReset(this.#end.promise, 'the end of the stream');
  }

  /** Waits; a reset in the meantime is why the test fails, not that the time is up. */
  #unlessReset<T>(promise: Promise<T>, what: string): Promise<T> {
    const reset = this.#reset.promise.then((error) => Promise.reject(error));
    reset.catch(() => {});
    return within(LIMIT_MS, Promise.race([promise, reset]), what);
  }

  broken(): Promise<SallyportError> {
    return within(LIMIT_MS, this.#reset.promise, 'a reset');
  }

  /** Credits what is owed, or `n` bytes of it. */
  pay(n = this.owed): void {
    this.owed -= n;
    this.stream.credit(n);
  }

  // ---- What goes ----

  /** Sends `total` bytes as fast as the stream takes them, then its end; resolves when all was taken. */
  push(seed: number, total: number, end = true): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pushing = { pattern: new Pattern(seed), sent: 0, total, end, done: resolve };
    this.#pump();
    return this.#unlessReset(promise, `${total} bytes to be taken`);
  }

  drained(): void {
    this.drains++;
    assert.equal(this.stream.writable, true, 'drained and writable');
    this.#pump();
  }

  #pump(): void {
    const pushing = this.#pushing;
    if (pushing === null) return;
    while (pushing.sent < pushing.total) {
      if (!this.stream.writable) return;
      this.#piece(pushing);
    }
    this.#pushing = null;
    if (pushing.end) this.stream.end();
    pushing.done();
  }

  /** The next piece, in turn by each of the ways that bytes can be given to a stream. */
  #piece(pushing: Pushing): void {
    const { pattern, sent } = pushing;
    const round = this.#round++;
    const way = round % 5;
    const most = way === 0 ? QUIET_READ_BYTES : way === 1 ? 700 : 64 * 1024;
    const n = Math.min(pushing.total - sent, way < 3 ? most : ((round * 5_003) % most) + 1);
    pushing.sent += n;
    if (way === 4) return this.stream.send(pattern.bytes(sent, n));
    const slab = way === 0 ? sharedSlab : sendingSlabs.take();
    pattern.fill(slab.bytes, HEADROOM, HEADROOM + n, sent);
    if (way === 3) {
      // Somebody else holds the slab: its other bytes must not change.
      slab.retain();
      const before = Buffer.from(slab.bytes.subarray(0, HEADROOM));
      this.stream.write(slab, HEADROOM, HEADROOM + n);
      assert.ok(before.equals(slab.bytes.subarray(0, HEADROOM)), 'bytes before the payload');
      slab.release();
    } else {
      this.stream.write(slab, HEADROOM, HEADROOM + n);
    }
    if (slab !== sharedSlab) slab.release();
    else slab.bytes.fill(0xcc);
  }
}
