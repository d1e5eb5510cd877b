/** The words of the protocol. */

export const SUBPROTOCOL = 'sokken';
/**
 * The one thing that is spoken beyond the older tool: an empty message ends a direction. Offered
 * before the older name, so that older servers pick that one.
 */
export const HALF_CLOSE = 'sallyport.sokken.v1';

/** Behind it stands the address, `HOST:PORT`. */
export const TUNNEL_PATH = '/tunnel/';
export const HEALTH_PATH = '/health';

/** Close codes with the reasons that older clients log. */
export const WRONG_SUBPROTOCOL = [1008, 'client not using sokken subprotocol'] as const;
export const NOT_ALLOWED = 'target address not allowed';
export const ADDRESS_REFUSED = [1011, NOT_ALLOWED] as const;

/** What a client calls itself, for the server's log. */
export const CLIENT_FIELD = 'Sokken-Client';
