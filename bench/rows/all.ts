import type { Row } from '../row.ts';
import { bulkRows, maskRow, observedBulkRow, tlsRows } from './bulk.ts';
import { callbackRows } from './callback.ts';
import { httpRows, observedHttpRow } from './http.ts';
import { hubbleRows } from './hubble.ts';
import { longRows } from './long.ts';
import { longpollRows } from './longpoll.ts';
import { lossyRows } from './lossy.ts';
import { memoryRows } from './memory.ts';
import { quicRows } from './quic.ts';
import { rateRows } from './rate.ts';
import { reverstRows } from './reverst.ts';
import { sokkenRows } from './sokken.ts';
import { verifyRows } from './verify.ts';
import { wstunnelRows } from './wstunnel.ts';

/** In the order in which they run: first of all, are the bytes right. */
export const rows: readonly Row[] = [
  ...verifyRows,
  ...bulkRows,
  ...rateRows,
  ...httpRows,
  ...tlsRows,
  maskRow,
  observedHttpRow,
  observedBulkRow,
  ...longRows,
  ...longpollRows,
  ...quicRows,
  ...lossyRows,
  ...memoryRows,
  ...callbackRows,
  ...hubbleRows,
  ...sokkenRows,
  ...wstunnelRows,
  ...reverstRows,
];
