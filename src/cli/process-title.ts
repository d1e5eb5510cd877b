/** The command line as other users of the machine see it, in what `ps` prints. */
import { isSecretKey, withoutSecrets } from '../observe/secrets.ts';

const HIDDEN = '***';

/**
 * What is to stand there instead: the same, without what flags such as `--token` say. Null when it
 * holds no secret.
 */
export function titleWithoutSecrets(args: readonly string[]): string | null {
  let hideNext = false;
  const shown = args.map((argument) => {
    if (hideNext) {
      hideNext = false;
      return HIDDEN;
    }
    const [, flag, value] = /^(--?[\w.-]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (flag === undefined || !takesSecret(flag)) return withoutSecrets(argument);
    hideNext = value === undefined;
    return hideNext ? flag : `${flag}=${HIDDEN}`;
  });
  return shown.every((text, at) => text === args[at]) ? null : ['sallyport', ...shown].join(' ');
}

/** `--auth` and `-key` do, and `--wstunnel-tokens` and `--http.password`; `--tls-key` names a file. */
function takesSecret(flag: string): boolean {
  const name = flag.replace(/^--?/, '');
  return isSecretKey(name) || /(?:^|[.-])(?:token|password|secret)s?$/.test(name);
}
