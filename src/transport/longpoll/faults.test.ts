/** Requests that are lost, doubled, delayed, replayed or made up: the bytes arrive once, or the link is left alone. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { connectPollLinks, type Between, type PollPair } from '../../../test/support/poll-links.ts';
import { until, within } from '../../../test/support/wait.ts';
import { HEADROOM, type Slab } from '../../net/slab.ts';
import type { SallyportError } from '../../errors.ts';
import type { Link, LinkReceiver } from '../link.ts';
import { fieldNames, pollFields, POLL_PATH } from './messages.ts';

/** Expects the numbers of `speak`, in order and each once. */
class Listener implements LinkReceiver {
  heard = 0;
  readonly closings: (SallyportError | null)[] = [];
  #rest = '';

  bytes(slab: Slab, start: number, end: number): void {
    const lines = (this.#rest + slab.bytes.toString('latin1', start, end)).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) assert.equal(Number(line), this.heard++);
  }

  closed(error: SallyportError | null): void {
    this.closings.push(error);
  }
}

function listen(link: Link): Listener {
  const listener = new Listener();
  link.receive(listener);
  return listener;
}

/** Sends the numbers from `from` to `to`, a turn of the event loop between each few. */
async function speak(link: Link, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    const bytes = Buffer.from(`${' '.repeat(HEADROOM)}${n}\n`);
    link.send(bytes, HEADROOM, bytes.length);
    if (n % 7 === 0) await new Promise((resolve) => void setImmediate(resolve));
  }
}

/** A repeatable lot. */
function lots(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

const faults: Record<string, (lot: () => number) => Between> = {
  'requests that never arrive': (lot) => (request, make) =>
    lot() < 0.3 ? Promise.reject(new Error('lost on the way')) : make(request),

  'answers that never arrive': (lot) => async (request, make) => {
    // Its bytes arrive, and their acknowledgement does not.
    const lose = lot() < 0.3;
    const answer = await make(
      lose ? { ...request, began: (head) => void (head.onBytes = () => {}) } : request,
    );
    if (lose) throw new Error('lost on the way back');
    return answer;
  },

  'requests that arrive twice, the second one late': (lot) => async (request, make) => {
    const answer = await make(request);
    if (lot() < 0.5) {
      const again = make({ ...request, began() {} });
      setImmediate(() => void again.catch(() => {}));
    }
    return answer;
  },

  'answers that break off within': (lot) => (request, make) => {
    if (lot() > 0.3) return make(request);
    return make({
      ...request,
      began(head) {
        request.began(head);
        const { onBytes } = head;
        if (onBytes === null) return;
        head.onBytes = (bytes) => {
          onBytes(bytes.subarray(0, Math.ceil(bytes.length / 2)));
          throw new Error('broken off');
        };
      },
    });
  },
};

describe('faults on the way: every byte arrives, once and in order', () => {
  for (const [name, fault] of Object.entries(faults)) {
    test(name, async (t) => {
      const pair = await connectPollLinks(t, { between: fault(lots(7)), graceMs: 60_000 });
      const near = listen(pair.dialled);
      const far = listen(pair.accepted);
      const total = 600;
      await Promise.all([speak(pair.dialled, 0, total), speak(pair.accepted, 0, total)]);
      await until('all have come', () => near.heard + far.heard === 2 * total, 60_000);
      assert.deepEqual([near.closings, far.closings], [[], []]);
    });
  }
});

describe('requests of strangers', () => {
  const call = async (
    pair: PollPair,
    method: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<Response> => {
    const url = new URL(`${POLL_PATH}/${pair.grant.link}`, pair.url);
    const response = await fetch(url, { method, headers, ...(body !== undefined && { body }) });
    await response.arrayBuffer();
    return response;
  };
  const open = async (t: TestContext) => {
    const pair = await connectPollLinks(t);
    const near = listen(pair.dialled);
    const far = listen(pair.accepted);
    await speak(pair.dialled, 0, 50);
    await speak(pair.accepted, 0, 50);
    await until('all have come', () => near.heard + far.heard === 100);
    return { pair, near, far };
  };
  const stillWhole = async ({ pair, near, far }: Awaited<ReturnType<typeof open>>) => {
    await speak(pair.dialled, 50, 100);
    await speak(pair.accepted, 50, 100);
    await until('all have come', () => near.heard + far.heard === 200);
  };

  test('replayed: what was seen is refused, and gets no bytes', async (t) => {
    const road = await open(t);
    for (const { method, fields } of road.pair.made.slice(0, 20)) {
      const replayed = await call(road.pair, method, fields, method === 'GET' ? undefined : '0\n');
      assert.equal(replayed.status, 409, method);
    }
    await stillWhole(road);
  });

  test('stolen: a proof is good for its own request only', async (t) => {
    const road = await open(t);
    const { fields } = road.pair.made.find(({ method }) => method === 'POST')!;
    const later = { ...fields, [fieldNames.number]: '900000' };
    assert.equal((await call(road.pair, 'POST', later, 'evil')).status, 403);
    assert.equal((await call(road.pair, 'GET', later)).status, 403);
    const get = road.pair.made.find(({ method }) => method === 'GET')!.fields;
    assert.equal((await call(road.pair, 'DELETE', get, '')).status, 403);
    await stillWhole(road);
  });

  test('made up: without fields, with nonsense in them, by another method, for another link', async (t) => {
    const road = await open(t);
    const words = { number: 900_000, at: 0, ack: 0 };
    const forged = pollFields(Buffer.alloc(32), 'POST', road.pair.grant.link, words);
    assert.equal((await call(road.pair, 'POST', {}, 'x')).status, 403);
    assert.equal((await call(road.pair, 'POST', forged, 'x')).status, 403);
    const endless = { ...forged, [fieldNames.at]: '9'.repeat(30) };
    assert.equal((await call(road.pair, 'POST', endless, 'x')).status, 403);
    assert.equal((await call(road.pair, 'PUT', forged, 'x')).status, 405);
    const unknown = await fetch(new URL(`${POLL_PATH}/nobody`, road.pair.url));
    assert.equal(unknown.status, 404);
    await stillWhole(road);
  });

  test('bytes that leave a gap are not taken, even with a right proof', async (t) => {
    const road = await open(t);
    const { link, secret } = road.pair.grant;
    const words = { number: 900_000, at: 1_000_000, ack: 0 };
    const fields = pollFields(Buffer.from(secret, 'base64url'), 'POST', link, words);
    const answered = await call(road.pair, 'POST', fields, 'far ahead');
    assert.equal(answered.status, 409);
    assert.ok(Number(answered.headers.get(fieldNames.ack)) < 1_000);
    assert.equal(road.far.heard, 50);
  });
});

describe('time', () => {
  test('a request for bytes is answered in time, with none; the link goes on', async (t) => {
    const pair = await connectPollLinks(t, { holdMs: 20 });
    const near = listen(pair.dialled);
    listen(pair.accepted);
    await until('it has asked often', () => pair.made.length > 5);
    await speak(pair.accepted, 0, 10);
    await until('all have come', () => near.heard === 10);
  });

  test('a client that makes no requests any more: its link is lost, and the others live', async (t) => {
    const pair = await connectPollLinks(t, { graceMs: 200 });
    listen(pair.dialled);
    const { link } = pair.server.open();
    const silent = listen(link);
    await until('it is lost', () => silent.closings.length > 0);
    assert.equal(silent.closings[0]?.code, 'LINK_LOST');
    const far = listen(pair.accepted);
    await speak(pair.dialled, 0, 10);
    await until('the other lives', () => far.heard === 10);
  });

  test('the server does not know the link any more: it is lost at once, and says so', async (t) => {
    const pair = await connectPollLinks(t, { graceMs: 60_000 });
    const near = listen(pair.dialled);
    listen(pair.accepted);
    pair.server.close();
    await within(
      5_000,
      until('it is lost', () => near.closings.length > 0),
    );
    assert.match(near.closings[0]!.message, /forgotten/);
  });
});
