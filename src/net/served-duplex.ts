/** A connection within this process, for servers that take a duplex. */
import { duplexPair, type Duplex } from 'node:stream';

/**
 * The near end of a connection whose far end goes to `serve`, which owns it from then on. An end that
 * is destroyed shows at the other one as a connection that broke off.
 */
export function serveDuplex(serve: (far: Duplex) => void): Duplex {
  const [near, far] = duplexPair();
  // Its own errors are its server's business; here they show as a close.
  far.on('error', () => {});
  // What it had written whole is still delivered. The error keeps a pair from telling of an orderly end.
  far.on('close', () => {
    if (!far.writableFinished) near.destroy(new Error('it was destroyed'));
  });
  near.on('close', () => far.destroy());
  serve(far);
  return near;
}
