/** An object of the API as far as it is used here: what it holds, and where in time it stands. */
import { SallyportError } from '../../../errors.ts';
import { quoted } from '../../../net/printable.ts';
import type { ClusterPath } from '../cluster-path.ts';
import { isMapping } from '../groups-document.ts';

export interface ClusterObject {
  readonly name: string;
  /** Opaque; a watch goes on from it. */
  readonly version: string;
  /** Of a ConfigMap text, of a Secret base64. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Of a ConfigMap: what is no text, in base64. */
  readonly binaryData: Readonly<Record<string, unknown>>;
}

export const clusterText = ({ kind, namespace, name, key }: ClusterPath): string =>
  `k8s://${kind}/${namespace}/${name}/${key}`;

/** Null for what is no object. A bookmark is one without a name. */
export function readObject(value: unknown): ClusterObject | null {
  if (!isMapping(value) || !isMapping(value['metadata'])) return null;
  const { name = '', resourceVersion: version } = value['metadata'];
  if (typeof name !== 'string' || typeof version !== 'string' || version === '') return null;
  const { data, binaryData } = value;
  return {
    name,
    version,
    data: isMapping(data) ? data : {},
    binaryData: isMapping(binaryData) ? binaryData : {},
  };
}

/** The bytes of the entry. Throws CONFIG_INVALID, without what the object holds. */
export function entryOf(path: ClusterPath, object: ClusterObject | null, maxBytes: number): Buffer {
  const fail = (why: string): SallyportError =>
    new SallyportError('CONFIG_INVALID', `${clusterText(path)}: ${why}`);
  if (object === null)
    throw fail(`there is no ${path.kind} ${path.name} in namespace ${path.namespace}; create it`);
  const { data, binaryData } = object;
  const text = ownText(data, path.key);
  const encoded = path.kind === 'secret' ? text : ownText(binaryData, path.key);
  const bytes =
    encoded !== null ? fromBase64(encoded) : text !== null ? Buffer.from(text) : undefined;
  if (bytes === undefined) {
    const keys = [...Object.keys(data), ...Object.keys(binaryData)].slice(0, 8).map(quoted);
    throw fail(`it has no such key; its keys: ${keys.join(', ') || 'none'}`);
  }
  if (bytes === null) throw fail('its value is no base64');
  if (bytes.length === 0) throw fail('its value is empty; write it');
  if (bytes.length > maxBytes)
    throw fail(
      `its value is larger than the ${maxBytes} bytes that make sense; name the right key`,
    );
  return bytes;
}

function ownText(values: Readonly<Record<string, unknown>>, key: string): string | null {
  const value = Object.hasOwn(values, key) ? values[key] : undefined;
  return typeof value === 'string' ? value : null;
}

function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text.replaceAll(/\s/g, '') ? bytes : null;
}
