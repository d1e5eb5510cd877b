/**
 * One object of a cluster, followed: listed, then watched from where the list stood. A list of one name,
 * and not the object itself, because only a list says where the cluster stands now: the object's own
 * version may be so old that no watch can go on from it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { asSallyportError, type SallyportError } from '../../../errors.ts';
import {
  KUBERNETES_OBJECT_MAX_BYTES,
  KUBERNETES_WATCH_S,
  RECONNECT_MAX_MS,
} from '../../../limits.ts';
import { createBackoff } from '../../../net/backoff.ts';
import { callHttp } from '../../../net/http-call.ts';
import type { ClusterPath } from '../cluster-path.ts';
import { isMapping } from '../groups-document.ts';
import { readCredentials, type ClusterAccess } from './access.ts';
import { apiFault, GONE, unavailable } from './api-fault.ts';
import { readObject, type ClusterObject } from './cluster-object.ts';
import { followWatch } from './watch-stream.ts';

export interface ObjectEvents {
  /** It is so now, and may have been before; null: there is none. */
  is(object: ClusterObject | null): void;
  /** It cannot be looked at now. That is tried again, and told each time. */
  trouble(error: SallyportError): void;
  /** A watch of it stood, and was over in order, as all of them are after a time. */
  stood(): void;
}

/** The object as it is, and where the cluster stands. Rejects with CLUSTER_DENIED or CLUSTER_UNAVAILABLE. */
export async function listObject(
  access: ClusterAccess,
  path: ClusterPath,
  signal: AbortSignal,
): Promise<{ object: ClusterObject | null; version: string }> {
  const { token, ca } = await readCredentials(access);
  const answer = await callHttp(urlOf(access, path), {
    headers: { Authorization: `Bearer ${token}`, Accept: 'application/json' },
    timeoutMs: access.answerMs,
    maxBytes: KUBERNETES_OBJECT_MAX_BYTES,
    ca,
    signal,
  }).catch(({ message }: Error) => {
    throw unavailable(path, `the API server cannot be asked: ${message}`);
  });
  const body = answer.body.toString();
  if (answer.status !== 200) throw apiFault(path, 'list', answer.status, body);
  const list = parsed(path, body);
  const place = readObject(list);
  if (place === null || !isMapping(list) || !Array.isArray(list['items']))
    throw unavailable(path, 'the answer of the API server is no list of objects');
  const objects = (list['items'] as unknown[]).map(readObject);
  const object = objects.find((one) => one?.name === path.name) ?? null;
  return { object, version: place.version };
}

/** Goes on until the signal ends it. */
export async function followObject(
  access: ClusterAccess,
  path: ClusterPath,
  events: ObjectEvents,
  signal: AbortSignal,
): Promise<void> {
  const backoff = createBackoff();
  /** From where a watch goes on; null: the object is to be listed first. */
  let version: string | null = null;

  function event(text: string): void {
    const { type, object: value } = readEvent(path, text);
    if (type === 'ERROR') {
      version = null;
      const code = isMapping(value) ? value['code'] : undefined;
      if (code === GONE) return;
      throw unavailable(path, 'the API server broke the watch off with an error');
    }
    const object = readObject(value);
    if (object === null) throw unavailable(path, 'an event of the watch holds no object');
    version = object.version;
    if (type === 'BOOKMARK' || object.name !== path.name) return;
    events.is(type === 'DELETED' ? null : object);
  }

  async function round(): Promise<void> {
    if (version === null) {
      const listed = await listObject(access, path, signal);
      version = listed.version;
      events.is(listed.object);
    }
    const { token, ca } = await readCredentials(access);
    const request = { path, url: urlOf(access, path, version), token, ca };
    const { answerMs, watchMs } = access;
    const end = await followWatch({ ...request, answerMs, watchMs, signal, event });
    if (end === 'gone') version = null;
  }

  while (!signal.aborted) {
    const began = performance.now();
    try {
      await round();
      events.stood();
    } catch (thrown) {
      if (signal.aborted) return;
      // What was lost with the watch is not known: from the beginning.
      version = null;
      events.trouble(asSallyportError(thrown));
    }
    if (performance.now() - began > RECONNECT_MAX_MS) backoff.reset();
    await pause(backoff.next(), undefined, { signal, ref: false }).catch(() => {});
  }
}

function urlOf(access: ClusterAccess, path: ClusterPath, version?: string): URL {
  const { kind, namespace, name } = path;
  const url = new URL(`/api/v1/namespaces/${namespace}/${kind}s`, access.server);
  url.searchParams.set('fieldSelector', `metadata.name=${name}`);
  if (version === undefined) return url;
  url.searchParams.set('watch', 'true');
  url.searchParams.set('allowWatchBookmarks', 'true');
  url.searchParams.set('resourceVersion', version);
  url.searchParams.set('timeoutSeconds', String(KUBERNETES_WATCH_S));
  return url;
}

function readEvent(path: ClusterPath, text: string): { type: string; object: unknown } {
  const event = parsed(path, text);
  const type = isMapping(event) ? event['type'] : undefined;
  if (isMapping(event) && typeof type === 'string') return { type, object: event['object'] };
  throw unavailable(path, 'the watch holds something that is no event');
}

function parsed(path: ClusterPath, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw unavailable(path, 'the API server sent something that is no JSON');
  }
}
