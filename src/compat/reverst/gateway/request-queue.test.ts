import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { okResponse, type Served } from '../../../../test/support/http3-exchange.ts';
import { queueStage } from '../../../../test/support/reverst-requests.ts';
import { SallyportError } from '../../../errors.ts';
import { REVERST_CONTINUE_MS, REVERST_REQUESTS_WAITING_MAX } from '../../../limits.ts';
import { H3 } from '../http3/fault.ts';

const get = 'GET /a?b HTTP/1.1\r\nHost: flipt.dev.local\r\nX-Own: 1\r\nConnection: close\r\n\r\n';
const post = (fields: string) => `POST / HTTP/1.1\r\nHost: h\r\n${fields}\r\n`;

describe('a request', () => {
  test('in pieces of every size becomes one exchange', () => {
    const text = `${post('Transfer-Encoding: chunked\r\n')}4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n`;
    for (let size = 1; size <= text.length; size++) {
      const { served, ask } = queueStage();
      const stream = ask(text, size);
      assert.equal(served.length, 1);
      const { head, received } = served[0];
      assert.deepEqual(head, {
        method: 'POST',
        scheme: 'https',
        authority: 'h',
        path: '/',
        fields: [],
        contentLength: null,
      });
      assert.deepEqual([received.text, received.trailers], ['body', [['x-sum', '42']]]);
      assert.equal(stream.credited, text.length);
    }
  });

  test('that is none is refused with the reason, and nothing is asked', () => {
    for (const [text, code] of [
      ['GET / HTTP/1.1\r\n\r\n', 'REQUEST_INVALID'],
      ['GET  / HTTP/1.1\r\nHost: h\r\n\r\n', 'REQUEST_INVALID'],
      [`${get}more`, 'REQUEST_INVALID'],
      ['CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n', 'REQUEST_UNSUPPORTED'],
    ]) {
      const { ask } = queueStage();
      const stream = ask(text);
      assert.deepEqual([stream.answer, stream.acts], [code, ['end']], text);
    }
  });

  test('whose body breaks the framing cancels its exchange', () => {
    const { served, ask, more } = queueStage();
    const stream = ask(post('Transfer-Encoding: chunked\r\n'));
    more(stream, 'zz\r\n');
    assert.equal(stream.answer, 'REQUEST_INVALID');
    assert.deepEqual(served[0].received.calls, ['failed STREAM_RESET']);
  });

  test('that the server gives up cancels its exchange', () => {
    const { served, ask, memory } = queueStage();
    const stream = ask(get);
    stream.receiver.reset(new SallyportError('STREAM_RESET', 'by the server'));
    memory.run();
    assert.match(served[0].received.error!.message, /H3_REQUEST_CANCELLED/);
    assert.deepEqual(stream.acts, []);
  });

  test('whose body the client does not take is not credited until it does', () => {
    const { served, ask, more, memory } = queueStage(undefined, 4_096);
    const stream = ask(post('Content-Length: 100000\r\n'));
    const head = stream.credited;
    more(stream, 'x'.repeat(20_000));
    assert.equal(stream.credited, head);
    served[0].exchange.credit(20_000);
    memory.run();
    assert.equal(stream.credited, head + 20_000);
  });
});

describe('a response', () => {
  const answered = (handle: (served: Served) => void, request = get): string => {
    const { served, ask, memory } = queueStage();
    const stream = ask(request);
    handle(served[0]);
    memory.run();
    assert.deepEqual([stream.answer, stream.acts], ['ok', ['end']]);
    return stream.text;
  };

  test('has a length, chunks and trailers, or no body', () => {
    const fields = [['content-type', 'text/plain']] as const;
    const begin = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n';
    const respond = (served: Served, length: number | null, body = 'body'): void => {
      served.exchange.respond({ status: 200, fields, contentLength: length });
      if (body !== '') served.exchange.body(Buffer.from(body));
    };
    assert.equal(
      answered((served) => {
        respond(served, 4);
        served.exchange.end([['x-lost', '1']]);
      }),
      `${begin}Content-Length: 4\r\nConnection: close\r\n\r\nbody`,
    );
    assert.equal(
      answered((served) => {
        respond(served, null);
        served.exchange.end([['x-sum', '42']]);
      }),
      `${begin}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n`,
    );
    const old = 'GET / HTTP/1.0\r\nHost: h\r\n\r\n';
    assert.equal(
      answered((served) => {
        respond(served, null);
        served.exchange.end();
      }, old),
      `${begin}Connection: close\r\n\r\nbody`,
    );
    assert.equal(
      answered(
        (served) => {
          respond(served, 4, '');
          served.exchange.end();
        },
        get.replace('GET', 'HEAD'),
      ),
      `${begin}Content-Length: 4\r\nConnection: close\r\n\r\n`,
    );
    assert.equal(
      answered((served) => {
        served.exchange.respond({ status: 204, fields: [], contentLength: 0 });
        served.exchange.end();
      }),
      'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n',
    );
  });

  test('is preceded by interim ones', () => {
    const text = answered(({ exchange }) => {
      exchange.interim({ status: 103, fields: [['link', '</a>']], contentLength: null });
      exchange.respond({ status: 204, fields: [], contentLength: null });
      exchange.end();
    });
    assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a>\r\n\r\nHTTP\/1\.1 204 /);
  });

  test('of a large body is the same bytes', () => {
    const body = Buffer.alloc(50_000, 'abcdefg');
    const text = answered(({ exchange }) => {
      exchange.respond({ ...okResponse, contentLength: body.length });
      exchange.body(body);
      exchange.end();
    });
    assert.equal(text.slice(text.indexOf('\r\n\r\n') + 4), body.toString('latin1'));
  });

  test('waits while the server takes no more', () => {
    const { served, ask, memory } = queueStage(undefined, 4_096);
    const stream = ask(get);
    const { exchange } = served[0];
    exchange.respond(okResponse);
    memory.run();
    stream.writable = false;
    exchange.body(Buffer.alloc(10_000));
    memory.run();
    assert.equal(exchange.writable, false);
    stream.writable = true;
    stream.receiver.drained();
    memory.run();
    assert.equal(exchange.writable, true);
  });

  test('that does not come is a refusal, one that breaks off a reset', () => {
    const { served, ask, memory } = queueStage();
    const early = ask(get);
    const rejected = ask(get);
    const late = ask(get);
    served[0].exchange.cancel(H3.INTERNAL_ERROR);
    served[1].exchange.cancel(H3.REQUEST_REJECTED);
    served[2].exchange.respond(okResponse);
    served[2].exchange.body(Buffer.from('beginning'));
    memory.run();
    served[2].exchange.cancel();
    memory.run();
    assert.deepEqual([early.answer, early.acts], ['STREAM_RESET', ['end']]);
    assert.deepEqual([rejected.answer, rejected.acts], ['SERVER_BUSY', ['end']]);
    assert.deepEqual([late.answer, late.acts], ['ok', ['reset']]);
    assert.match(late.text, /beginning/);
  });
});

describe('Expect: 100-continue', () => {
  const expecting = post('Expect: 100-continue\r\nContent-Length: 4\r\n');
  const clock = (t: TestContext): void => t.mock.timers.enable({ apis: ['setTimeout'] });

  test('a client that says nothing has the body asked for in its place', (t) => {
    clock(t);
    const { ask } = queueStage();
    const stream = ask(expecting);
    t.mock.timers.tick(REVERST_CONTINUE_MS - 1);
    assert.equal(stream.text, '');
    t.mock.timers.tick(1);
    assert.equal(stream.text, 'HTTP/1.1 100 Continue\r\n\r\n');
  });

  test('one that answers, or a body that comes unasked, is left alone', (t) => {
    clock(t);
    const { served, ask, more, memory } = queueStage();
    const refused = ask(expecting);
    served[0].exchange.respond({ status: 413, fields: [], contentLength: 0 });
    const unasked = ask(expecting);
    more(unasked, 'body');
    memory.run();
    t.mock.timers.tick(2 * REVERST_CONTINUE_MS);
    assert.match(refused.text, /^HTTP\/1\.1 413 /);
    assert.equal(unasked.text, '');
  });
});

describe('the queue', () => {
  test('requests beyond what the client allows wait, in their order', () => {
    const { queue, allowed, served, ask, memory } = queueStage();
    allowed.bidiLeft = 0;
    const paths = ['/1', '/2', '/3'];
    const streams = paths.map((path) => ask(get.replace('/a?b', path)));
    streams[1].leave();
    memory.run();
    assert.equal(served.length, 0);
    allowed.bidiLeft = 1;
    queue.advance();
    memory.run();
    allowed.bidiLeft = 100;
    ask(get.replace('/a?b', '/4'));
    queue.advance();
    memory.run();
    assert.deepEqual(
      served.map(({ head }) => head.path),
      ['/1', '/3', '/4'],
    );
  });

  test('is bounded, and what waits for a client that leaves is asked of others', () => {
    const { queue, allowed, ask } = queueStage();
    allowed.bidiLeft = 0;
    const waiting = Array.from({ length: REVERST_REQUESTS_WAITING_MAX }, () => ask(get));
    assert.equal(ask(get).answer, 'SERVER_BUSY');
    assert.equal(waiting[0].answer, null);
    queue.leave();
    assert.ok(waiting.every(({ answer }) => answer === 'SERVER_BUSY'));
    allowed.bidiLeft = 100;
    assert.equal(ask(get).answer, 'SERVER_BUSY', 'and so is what was on its way');
  });
});
