import { quicSessions } from '../support/quic-sessions.ts';
import { sessionConformance } from './session.ts';

sessionConformance('QUIC', quicSessions, {
  bulkBytes: 32 * 1024 * 1024,
  beyondWindow: 5 * 1024 * 1024,
});
