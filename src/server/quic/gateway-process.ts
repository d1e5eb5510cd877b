/** The process that serves QUIC: does what the server says, and ends with it. */
import { asSallyportError } from '../../errors.ts';
import { openGateway, type Gateway } from './gateway.ts';
import type { FromGateway, ToGateway } from './gateway-messages.ts';

let gateway: Gateway | null = null;

function tell(message: FromGateway): void {
  if (process.connected) process.send!(message);
}

async function start(message: ToGateway & { type: 'start' }): Promise<void> {
  try {
    gateway = await openGateway(message.options);
    tell({ type: 'serving', port: gateway.address.port });
  } catch (thrown) {
    const { code, message: why } = asSallyportError(thrown);
    tell({ type: 'failed', code, message: why });
  }
}

// Signals of a terminal reach the whole group: the server says when it is time.
process
  .on('SIGINT', () => {})
  .on('SIGTERM', () => {})
  .on('SIGHUP', () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToGateway) => {
  switch (message.type) {
    case 'start':
      return void start(message);
    case 'certificate':
      return gateway?.useCertificate(message.certificate);
    case 'ask':
      return tell({ type: 'here' });
    case 'close':
      return void gateway?.close().then(() => process.exit(0));
  }
});
