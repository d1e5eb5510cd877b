import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTestRegistrar, http, tcp } from '../../test/support/registrar.ts';
import type { ServiceOffer } from '../attach/messages.ts';
import type { ErrorCode } from '../errors.ts';
import { SERVICES_PER_AGENT_MAX } from '../limits.ts';

const token = 'rendez-vous-token-of-the-tests';

describe('addresses', () => {
  test('http: the name, each host, a path and a token, the token masked', async (t) => {
    const { registrar, agent, routes, serviceOf } = await createTestRegistrar(t);
    const hosts = ['www.example.org', '*.example.net'];
    const offer = http('web', { hosts, path: '/api', rendezvousToken: token });
    const { type, urls, port } = await registrar.register(agent('a'), offer);
    assert.deepEqual([type, port], ['registered', undefined]);
    assert.deepEqual(urls.slice(0, 3), [
      'http://web.example.test:8080/',
      'http://www.example.org:8080/api',
      'http://*.example.net:8080/api',
    ]);
    assert.match(urls[3], /^http:\/\/example\.test:8080\/_token\/.+\/$/);
    assert.ok(!urls.join().includes(token));
    assert.equal(serviceOf('web.example.test'), 'web');
    assert.equal(serviceOf('www.example.org'), null, 'below its path only');
    assert.equal(routes.byToken(token)?.service, 'web');
  });

  test('http: a path without hosts is one of the server’s own', async (t) => {
    const { registrar, agent, routes } = await createTestRegistrar(t, {
      publicUrl: 'https://x.y/',
    });
    const { urls } = await registrar.register(agent('a'), http('web', { path: '/api' }));
    assert.deepEqual(urls, ['https://web.example.test/', 'https://x.y/api']);
    const path = Buffer.from('/api/1');
    assert.equal(routes.ownPaths('x.y')?.match(path, 0, path.length)?.service, 'web');
  });

  test('tcp: private, or with a port, or by TLS server names', async (t) => {
    const { registrar, agent, serviceOf } = await createTestRegistrar(t);
    const session = agent('a');
    assert.deepEqual((await registrar.register(session, tcp('box'))).urls, []);
    const open = await registrar.register(session, tcp('open', { port: 0 }));
    assert.deepEqual(open.urls, [`tcp://example.test:${open.port}`]);
    const sni = ['tls.example.org'];
    const { urls } = await registrar.register(session, tcp('tls', { sni }));
    assert.match(urls.join(), /^tls:\/\/tls\.example\.org:\d+$/);
    assert.equal(serviceOf('box.example.test'), null);
    assert.deepEqual(registrar.urls('open'), open.urls);
    assert.deepEqual(registrar.urls('nobody'), []);
  });
});

describe('refused, and nothing is left of it', () => {
  const refusals: [string, ServiceOffer, ErrorCode, RegExp][] = [
    ['no name', http(''), 'NAME_INVALID', /not a valid name/],
    ['a name of other characters', http('a/b'), 'NAME_INVALID', /not a valid name/],
    ['a name that is no host, with nothing else', http('a..b'), 'NAME_INVALID', /no --host/],
    [
      'the host of another service',
      http('x', { hosts: ['taken.org'] }),
      'HOST_TAKEN',
      /taken\.org/,
    ],
    ['its name as a host', http('x', { hosts: ['held.example.test'] }), 'HOST_TAKEN', /held/],
    ['its path', http('x', { path: '/taken' }), 'HOST_TAKEN', /\/taken/],
    ['its token', http('x', { rendezvousToken: token }), 'HOST_TAKEN', /token/],
    [
      'its server name',
      tcp('x', { sni: ['free.org', 'tls.taken.org'] }),
      'HOST_TAKEN',
      /tls\.taken/,
    ],
    [
      'the server’s own host',
      http('x', { hosts: ['example.test'] }),
      'HOST_RESERVED',
      /own domain/,
    ],
    ['an IPv4 host', http('x', { hosts: ['127.0.0.1'] }), 'HOST_RESERVED', /IP addresses/],
    ['an IPv6 host', http('x', { hosts: ['[::1]'] }), 'HOST_RESERVED', /IP addresses/],
    [
      'names below an address',
      http('x', { hosts: ['*.10.0.0.1'] }),
      'HOST_RESERVED',
      /IP addresses/,
    ],
    ['an address as a server name', tcp('x', { sni: ['10.0.0.1'] }), 'HOST_RESERVED', /IP addr/],
    ['what is no host', http('x', { hosts: ['a b'] }), 'DENIED', /host/],
    ['a path that matches nothing', http('x', { path: '/a/../b' }), 'USAGE', /path/],
    ['a short token', http('x', { rendezvousToken: 'short' }), 'USAGE', /16 or more/],
    ['a Host that could end the line', http('x', { rewriteHost: 'a\r\nX: y' }), 'USAGE', /rewrite/],
    ['a port outside the scopes', tcp('x', { port: 80 }), 'DENIED', /port 80/],
    ['no port at all', tcp('x', { port: 70_000 }), 'DENIED', /port 70000/],
    [
      'more addresses than an answer holds',
      http('x', {
        path: `/${'p'.repeat(4_000)}`,
        hosts: Array.from('123456789', (n) => `h${n}.org`),
      }),
      'CONFIG_INVALID',
      /fewer hosts or a shorter path/,
    ],
  ];
  for (const [name, offer, code, message] of refusals) {
    test(name, async (t) => {
      const { registrar, agent, registry, routes, serviceOf } = await createTestRegistrar(t);
      const holder = http('held', { hosts: ['taken.org'], rendezvousToken: token });
      await registrar.register(agent('a'), holder);
      await registrar.register(agent('a2'), http('path', { path: '/taken' }));
      await registrar.register(agent('a3'), tcp('tls', { sni: ['tls.taken.org'] }));
      const before = ['taken.org', 'held.example.test', 'x.example.test', 'h1.org'].map(serviceOf);
      const session = agent('b');
      await assert.rejects(registrar.register(session, offer), { code, message });
      assert.ok(!registry.present(offer.name));
      const after = ['taken.org', 'held.example.test', 'x.example.test', 'h1.org'].map(serviceOf);
      assert.deepEqual(after, before);
      assert.equal(routes.byToken(token)?.service, 'held');
      await registrar.register(agent('c'), tcp('another', { sni: ['free.org'] }));
      await registrar.register(session, http('x', { hosts: ['free.org', 'h1.org'] }));
    });
  }

  test('a port that another service has, after routes were claimed', async (t) => {
    const { registrar, agent, registry, serviceOf } = await createTestRegistrar(t);
    const { port } = await registrar.register(agent('a'), tcp('box', { port: 0 }));
    const offer = http('web', { hosts: ['www.org'], port: port! });
    const refused = registrar.register(agent('b'), offer);
    await assert.rejects(refused, { code: 'PORT_TAKEN' });
    assert.deepEqual([serviceOf('www.org'), registry.present('web')], [null, false]);
  });

  test('server names where there is no port for them', async (t) => {
    const { registrar, agent } = await createTestRegistrar(t, { passthrough: false });
    const refused = registrar.register(agent('a'), tcp('tls', { sni: ['x.org'] }));
    await assert.rejects(refused, { code: 'PORT_DENIED', message: /--tls-passthrough-listen/ });
  });

  test('a name that this agent has already: the first registration stays', async (t) => {
    const { registrar, agent, serviceOf } = await createTestRegistrar(t);
    const session = agent('a');
    await registrar.register(session, http('web'));
    const twice = registrar.register(session, http('web', { hosts: ['www.org'] }));
    await assert.rejects(twice, { code: 'NAME_TAKEN', message: /already/ });
    assert.deepEqual([serviceOf('web.example.test'), serviceOf('www.org')], ['web', null]);
  });

  test('a name of another kind or held exclusively: the holder’s addresses stay', async (t) => {
    const { registrar, agent, routes } = await createTestRegistrar(t);
    await registrar.register(agent('a'), http('web', { exclusive: 'first', rewriteHost: 'one' }));
    for (const offer of [tcp('web'), http('web', { exclusive: 'first', rewriteHost: 'two' })]) {
      await assert.rejects(registrar.register(agent('b'), offer), { code: 'NAME_TAKEN' });
    }
    const route = routes.byHost('web.example.test')![0].whole!;
    assert.equal(String(route.hostLine), 'Host: one\r\n');
  });

  test('two that ask for an exclusive name and a port at once: one gets both', async (t) => {
    const { registrar, agent, ports } = await createTestRegistrar(t);
    const offer = tcp('box', { exclusive: 'first', port: 0 });
    const both = ['a', 'b'].map((id) => registrar.register(agent(id), offer));
    const settled = await Promise.allSettled(both);
    assert.deepEqual(settled.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    const won = settled.find((one) => one.status === 'fulfilled')!.value;
    await assert.rejects(ports.listen(won.port!, 'other'), { code: 'PORT_TAKEN' });
  });
});

describe('a takeover (exclusive latest)', () => {
  const offer = (more: Partial<ServiceOffer> = {}): ServiceOffer =>
    tcp('box', { exclusive: 'latest', port: 0, ...more });

  test('the newcomer gets the port, and the one before gives way', async (t) => {
    const { registrar, agent, displaced, registry, ports } = await createTestRegistrar(t);
    const one = agent('a');
    const { port } = await registrar.register(one, offer());
    assert.equal((await registrar.register(agent('b'), offer())).port, port);
    assert.deepEqual(displaced, ['a']);
    registrar.leave(one);
    assert.ok(registry.present('box'));
    await assert.rejects(ports.listen(port!, 'other'), { code: 'PORT_TAKEN' });
  });

  test('one that fails takes nothing over', async (t) => {
    const { registrar, agent, displaced, registry } = await createTestRegistrar(t);
    await registrar.register(agent('h'), tcp('tls', { sni: ['taken.org'] }));
    await registrar.register(agent('a'), offer());
    for (const wrong of [{ port: 80 }, { sni: ['taken.org'] }]) {
      await assert.rejects(registrar.register(agent('b'), offer(wrong)));
      assert.deepEqual([registry.present('box'), displaced.length], [true, 0]);
    }
  });
});

describe('bounds and scopes', () => {
  test(`an agent offers ${SERVICES_PER_AGENT_MAX} services at most, and as many again elsewhere`, async (t) => {
    const { registrar, agent } = await createTestRegistrar(t);
    const session = agent('a');
    for (let n = 0; n < SERVICES_PER_AGENT_MAX; n++)
      await registrar.register(session, tcp(`s${n}`));
    const more = (): Promise<unknown> => registrar.register(session, tcp('more'));
    await assert.rejects(more, { code: 'SERVER_BUSY', message: /has 1000 already/ });
    await registrar.register(agent('b'), tcp('more-elsewhere'));
    registrar.unregister(session, 's0');
    await more();
  });

  test('port 0 is one that the identity may open', async (t) => {
    const { registrar, agent } = await createTestRegistrar(t);
    for (const only of ['30701', '30702']) {
      const { port } = await registrar.register(
        agent(only, { ports: [only] }),
        tcp(`s${only}`, { port: 0 }),
      );
      assert.equal(port, Number(only));
    }
  });

  test('no scope opens a port outside the range of the server', async (t) => {
    const { registrar, agent } = await createTestRegistrar(t);
    const session = agent('a', { ports: ['*'] });
    const refused = registrar.register(session, tcp('box', { port: 80 }));
    await assert.rejects(refused, { code: 'PORT_DENIED', message: /port 80: only ports 30600-/ });
  });

  test('port 0 shares the port of its service only where the identity may open that one', async (t) => {
    const { registrar, agent } = await createTestRegistrar(t);
    const shared = (id: string, ports: string): Promise<{ port?: number }> =>
      registrar.register(agent(id, { ports: [ports] }), tcp('box', { port: 0 }));
    assert.equal((await shared('a', '30703')).port, 30_703);
    assert.equal((await shared('b', '30700-30710')).port, 30_703);
    assert.equal((await shared('c', '30704')).port, 30_704);
  });

  const denied: [string, ServiceOffer][] = [
    ['a name', http('other')],
    ['a host', http('web', { hosts: ['www.example.net'] })],
    ['a wildcard above its hosts', http('web', { hosts: ['*.org'] })],
    ['a server name', tcp('web', { sni: ['www.example.net'] })],
    ['a port', tcp('web', { port: 30_712 })],
  ];
  for (const [name, offer] of denied) {
    test(`outside the scopes: ${name}`, async (t) => {
      const { registrar, agent, registry } = await createTestRegistrar(t);
      const scopes = { names: ['web'], hosts: ['*.example.org'], ports: ['30711'] };
      const session = agent('a', scopes);
      await assert.rejects(registrar.register(session, offer), { code: 'DENIED' });
      assert.ok(!registry.present(offer.name));
      await registrar.register(session, http('web', { hosts: ['a.example.org'], port: 30_711 }));
    });
  }
});
