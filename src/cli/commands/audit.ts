/** `sallyport audit verify`: whether audit files are as the server wrote them. */
import type { OptionsOf } from '../../config/schema.ts';
import { SallyportError } from '../../errors.ts';
import { verifyAudit, type AuditVerdict } from '../../events/audit/verify.ts';
import { quoted } from '../../net/printable.ts';
import type { CommandContext } from '../context.ts';

const BROKEN_EXIT = 1;

export async function run(context: CommandContext<OptionsOf<'audit'>>): Promise<number> {
  const { options, positionals, stdout } = context;
  const [word, ...files] = positionals;
  if (word !== 'verify') {
    throw new SallyportError('USAGE', `audit ${quoted(word)}: is no action; write audit verify`);
  }
  const verdict = await verifyAudit(files).catch((thrown: NodeJS.ErrnoException) => {
    const { path = files.join(', '), code, message } = thrown;
    throw new SallyportError('USAGE', `audit verify: cannot read ${path}: ${code ?? message}`);
  });
  stdout.write(options.json ? `${JSON.stringify(verdict)}\n` : asText(verdict));
  return verdict.broken === null ? 0 : BROKEN_EXIT;
}

function asText({ lines, first, last, broken }: AuditVerdict): string {
  const intact =
    first === null || last === null
      ? ['no line is intact']
      : [
          `${lines} lines are intact: ${first.line} to ${last.line}`,
          `hash of the last of them: ${last.hash}`,
          ...(first.line === 1 ? [] : ['the lines before them are in an older file']),
        ];
  const fault = broken === null ? [] : [`${broken.file}:${broken.at}: ${broken.why}`];
  return `${[...fault, ...intact].join('\n')}\n`;
}
