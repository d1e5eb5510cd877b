/** Failures of what is tried again and again: each reason is told once, as long as nothing else happens. */
import { asSallyportError, type SallyportError } from '../../errors.ts';

export interface Complaint {
  /** Does the work, and tells why it throws. */
  unless(work: () => void): void;
  /** Tells this reason. */
  over(error: SallyportError): void;
  /** It works: the next reason is told, whatever it is. */
  settled(): void;
}

export function createComplaint(tell: (error: SallyportError) => void): Complaint {
  let last = '';
  const complaint: Complaint = {
    unless(work) {
      try {
        work();
        complaint.settled();
      } catch (thrown) {
        complaint.over(asSallyportError(thrown));
      }
    },
    over(error) {
      if (error.message !== last) tell(error);
      last = error.message;
    },
    settled: () => void (last = ''),
  };
  return complaint;
}
