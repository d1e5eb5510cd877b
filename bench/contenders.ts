/** Everything that can be measured, by name. */
import { startCallback, startCallbackPeer } from './roads/callback.ts';
import { startHaproxyPair } from './roads/haproxy.ts';
import { startHubble, startHubblePeer } from './roads/hubble.ts';
import { startLongLoopback } from './roads/long.ts';
import { startLossy } from './roads/lossy.ts';
import { startNginxPair } from './roads/nginx.ts';
import { startReverst } from './roads/reverst.ts';
import { type Road, straightTo } from './roads/road.ts';
import {
  startSallyport,
  startSallyportServer,
  startSallyportTlsServer,
} from './roads/sallyport.ts';
import { startSokken, startSokkenPeer } from './roads/sokken.ts';
import {
  startWstunnel,
  startWstunnelPeer,
  startWstunnelPeerServer,
  startWstunnelServer,
} from './roads/wstunnel.ts';
import type { Stage } from './stage.ts';
import type { ToolName } from './tools.ts';

export interface Contender extends Road {
  readonly name: ContenderName;
}

interface Kind {
  /** What the table calls it. */
  readonly title: string;
  readonly tools: readonly ToolName[];
  start(stage: Stage): Promise<Road>;
}

const kinds = {
  loopback: {
    title: 'loopback',
    tools: [],
    start: async (stage) => straightTo(await stage.targetPort()),
  },
  'loopback-http': {
    title: 'loopback',
    tools: ['nginx'],
    start: async (stage) => straightTo(await stage.originPort()),
  },
  'loopback-50ms': { title: 'window / RTT', tools: [], start: startLongLoopback },
  haproxy: {
    title: 'haproxy x2',
    tools: ['haproxy'],
    start: (stage) => startHaproxyPair(stage, { tls: false }),
  },
  'haproxy-tls': {
    title: 'haproxy TLS x2',
    tools: ['haproxy'],
    start: (stage) => startHaproxyPair(stage, { tls: true }),
  },
  nginx: { title: 'nginx x2', tools: ['nginx'], start: startNginxPair },
  sallyport: {
    title: 'sallyport',
    tools: [],
    start: (stage) => startSallyport(stage, { service: 'tcp' }),
  },
  'sallyport-tls': {
    title: 'sallyport, wss',
    tools: [],
    start: (stage) => startSallyport(stage, { service: 'tcp', tls: true }),
  },
  'sallyport-masked': {
    title: 'sallyport, masked',
    tools: [],
    start: (stage) => startSallyport(stage, { service: 'tcp', randomMasks: true }),
  },
  'sallyport-50ms': {
    title: 'sallyport',
    tools: [],
    start: (stage) => startSallyport(stage, { service: 'tcp', longRoad: true }),
  },
  'sallyport-longpoll': {
    title: 'sallyport, long-poll',
    tools: [],
    start: (stage) => startSallyport(stage, { service: 'tcp', transport: 'longpoll' }),
  },
  'sallyport-longpoll-50ms': {
    title: 'sallyport, long-poll',
    tools: [],
    start: (stage) =>
      startSallyport(stage, { service: 'tcp', transport: 'longpoll', longRoad: true }),
  },
  'sallyport-quic': {
    title: 'sallyport, QUIC',
    tools: [],
    start: (stage) => startSallyport(stage, { service: 'tcp', transport: 'quic' }),
  },
  'sallyport-lossy': {
    title: 'sallyport, wss',
    tools: ['ip', 'nsenter'],
    start: (stage) => startLossy(stage, { transport: 'websocket', tcp: 'cubic' }),
  },
  'sallyport-lossy-bbr': {
    title: 'sallyport, wss, BBR',
    tools: ['ip', 'nsenter'],
    start: (stage) => startLossy(stage, { transport: 'websocket', tcp: 'bbr' }),
  },
  'sallyport-lossy-quic': {
    title: 'sallyport, QUIC',
    tools: ['ip', 'nsenter'],
    start: (stage) => startLossy(stage, { transport: 'quic', tcp: 'cubic' }),
  },
  'sallyport-http': {
    title: 'sallyport',
    tools: ['nginx'],
    start: (stage) => startSallyport(stage, { service: 'http' }),
  },
  'sallyport-bare': {
    title: 'sallyport, bare',
    tools: [],
    start: (stage) => startSallyport(stage, { service: 'tcp', observed: 'nothing' }),
  },
  'sallyport-observed': {
    title: 'sallyport, observed',
    tools: [],
    start: (stage) => startSallyport(stage, { service: 'tcp', observed: 'everything' }),
  },
  'sallyport-http-bare': {
    title: 'sallyport, bare',
    tools: ['nginx'],
    start: (stage) => startSallyport(stage, { service: 'http', observed: 'nothing' }),
  },
  'sallyport-http-observed': {
    title: 'sallyport, observed',
    tools: ['nginx'],
    start: (stage) => startSallyport(stage, { service: 'http', observed: 'everything' }),
  },
  'callback-peer': { title: 'callback peer in Go', tools: ['go'], start: startCallbackPeer },
  'sallyport-callback': { title: 'sallyport callback', tools: ['go'], start: startCallback },
  'hubble-peer': { title: 'hubble peer in Go', tools: ['go'], start: startHubblePeer },
  'sallyport-hubble': { title: 'sallyport hubble', tools: [], start: startHubble },
  'sokken-peer': { title: 'sokken peer in Go', tools: ['go'], start: startSokkenPeer },
  'sallyport-sokken': { title: 'sallyport sokken', tools: [], start: startSokken },
  'wstunnel-peer': {
    title: 'wstunnel peer in Go',
    tools: ['go', 'nginx'],
    start: startWstunnelPeer,
  },
  'sallyport-wstunnel': { title: 'sallyport wstunnel', tools: ['nginx'], start: startWstunnel },
  'wstunnel-peer-server': {
    title: 'wstunnel peer in Go',
    tools: ['go'],
    start: startWstunnelPeerServer,
  },
  'sallyport-wstunnel-server': {
    title: 'sallyport wstunnel',
    tools: [],
    start: startWstunnelServer,
  },
  'reverst-peer': {
    title: 'reverst peers in Go',
    tools: ['go', 'nginx'],
    start: (stage) => startReverst(stage, { server: 'peer', client: 'peer' }),
  },
  'sallyport-reverst-server': {
    title: 'ours, peer as client',
    tools: ['go', 'nginx'],
    start: (stage) => startReverst(stage, { server: 'ours', client: 'peer' }),
  },
  'sallyport-reverst-client': {
    title: 'peer, ours as client',
    tools: ['go', 'nginx'],
    start: (stage) => startReverst(stage, { server: 'peer', client: 'ours' }),
  },
  'sallyport-reverst': {
    title: 'sallyport reverst',
    tools: ['nginx'],
    start: (stage) => startReverst(stage, { server: 'ours', client: 'ours' }),
  },
  'sallyport-server-tls': { title: 'sallyport, wss', tools: [], start: startSallyportTlsServer },
  'sallyport-server-quic': { title: 'sallyport, QUIC', tools: [], start: startSallyportTlsServer },
  'sallyport-server': { title: 'sallyport', tools: [], start: startSallyportServer },
} as const satisfies Record<string, Kind>;

export type ContenderName = keyof typeof kinds;

export const contenderKinds: Readonly<Record<ContenderName, Kind>> = kinds;

/** Ours, as opposed to what it is measured against. */
export function isSallyport(name: ContenderName): boolean {
  return name.startsWith('sallyport');
}

export async function startContender(stage: Stage, name: ContenderName): Promise<Contender> {
  return { name, ...(await contenderKinds[name].start(stage)) };
}
