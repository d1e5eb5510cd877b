/** Whether what is asked and answered there can be read and changed on the way. */
export function inClearText({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}
