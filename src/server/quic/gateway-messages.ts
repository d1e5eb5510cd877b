/** What the server and its process for QUIC say to each other, as values of the process channel. */
import type { ErrorCode } from '../../errors.ts';
import type { Certificate } from '../certificate.ts';
import type { GatewayOptions } from './gateway.ts';

export type ToGateway =
  | { readonly type: 'start'; readonly options: GatewayOptions }
  | { readonly type: 'certificate'; readonly certificate: Certificate }
  | { readonly type: 'ask' }
  | { readonly type: 'close' };

export type FromGateway =
  | { readonly type: 'serving'; readonly port: number }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'here' };
