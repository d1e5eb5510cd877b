/** What `/health` of both programs tells: the keys and the layout of the originals. */

export interface HealthAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * The share is a ratio from 0 to 1, whatever its name says. The originals send the same bytes as
 * text/plain; a limit of 0 has no share, which they answer with 500 as well.
 */
export function healthAnswer(connections: number, max: number): HealthAnswer {
  if (max === 0)
    return {
      status: 500,
      type: 'text/plain; charset=utf-8',
      body: 'unable to marshal health info\n',
    };
  const info = {
    connections,
    'max-connections': max,
    'connections-used-percent': connections / max,
  };
  return { status: 200, type: 'application/json', body: `${JSON.stringify(info, null, 2)}\n` };
}
