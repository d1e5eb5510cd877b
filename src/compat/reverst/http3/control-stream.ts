/** The streams that serve a connection as a whole, as the peer sends them; RFC 9114, section 6.2. */
import { HTTP3_CONTROL_FRAME_MAX_BYTES } from '../../../limits.ts';
import { connectionFault } from './fault.ts';
import { FrameReader, type Treatment } from './frame-reader.ts';
import { FRAME, HTTP2_FRAMES } from './frames.ts';
import { readSettings, type PeerSettings } from './settings.ts';
import { readVarints } from './varint.ts';

/** The first integer of a stream in one direction. */
export const STREAM_TYPE = {
  CONTROL: 0x0,
  PUSH: 0x1,
  QPACK_ENCODER: 0x2,
  QPACK_DECODER: 0x3,
} as const;

export interface ControlSink {
  /** Before anything else, once. */
  settings(settings: PeerSettings): void;
  /** The id falls from one to the next, or stays. */
  goAway(id: number): void;
}

const known: ReadonlySet<number> = new Set(Object.values(FRAME));

/**
 * Reads the peer's control stream behind its type; `fromServer`: the peer is the one that answers
 * requests. What it throws are connection faults.
 */
export function createControlReader(
  fromServer: boolean,
  sink: ControlSink,
): Pick<FrameReader, 'push'> {
  let begun = false;
  let goAwayBefore = Infinity;
  let pushesBefore = 0;

  function begin(type: number, length: number): Treatment {
    if (!begun && type !== FRAME.SETTINGS)
      throw connectionFault('MISSING_SETTINGS', 'a control stream begins without SETTINGS');
    const again = begun && type === FRAME.SETTINGS;
    begun = true;
    const misplaced =
      again ||
      type === FRAME.DATA ||
      type === FRAME.HEADERS ||
      type === FRAME.PUSH_PROMISE ||
      HTTP2_FRAMES.has(type) ||
      (type === FRAME.MAX_PUSH_ID && fromServer);
    if (misplaced)
      throw connectionFault('FRAME_UNEXPECTED', `frame 0x${type.toString(16)} on a control stream`);
    if (!known.has(type)) return 'skip';
    if (length > HTTP3_CONTROL_FRAME_MAX_BYTES)
      throw connectionFault('EXCESSIVE_LOAD', `a control frame takes ${length} bytes`);
    return 'gather';
  }

  function gathered(type: number, payload: Buffer): void {
    if (type === FRAME.SETTINGS) {
      sink.settings(readSettings(payload));
      return;
    }
    const integers = readVarints(payload);
    if (integers?.length !== 1)
      throw connectionFault('FRAME_ERROR', `frame 0x${type.toString(16)} is not one integer`);
    const [id] = integers;
    // Neither end ever allows or promises a push: there is no id to cancel.
    if (type === FRAME.CANCEL_PUSH)
      throw connectionFault('ID_ERROR', 'a push is cancelled that never was');
    if (type === FRAME.MAX_PUSH_ID) {
      if (id < pushesBefore) throw connectionFault('ID_ERROR', 'MAX_PUSH_ID falls');
      pushesBefore = id;
      return;
    }
    if (id > goAwayBefore) throw connectionFault('ID_ERROR', 'the id of GOAWAY rises');
    // Where the roles are turned round, implementations begin to count at either end's ids.
    if (fromServer && (id & 2) !== 0)
      throw connectionFault('ID_ERROR', 'GOAWAY names a stream that carries no request');
    goAwayBefore = id;
    sink.goAway(id);
  }

  const passed = (): void => {};
  return new FrameReader({ begin, gathered, passed });
}
