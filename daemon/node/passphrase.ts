/**
 * What a passphrase is: one line of text in NFC. It decides which ones may be set; how one becomes a key is master-file.ts.
 *
 * Eight characters at least, after NIST SP 800-63B: a guess costs scrypt's third of a second and 128 MiB, so ten machines that
 * guess for a year get through 10^9, while eight random letters are 2 · 10^11. Nothing else is demanded: rules about kinds of
 * characters make people choose worse. A person's pet name stays guessable, and no rule here can tell.
 */
import type { Brand } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { nodeLimits } from './limits.ts';

export type Passphrase = Brand<string, 'Passphrase'>;

// eslint-disable-next-line no-control-regex -- finding control characters is the purpose
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/u;

/** One that is tried: whatever could have been set, by any version. @throws UserError bad_passphrase */
export function passphrase(text: string): Passphrase {
  if (!text.isWellFormed() || CONTROL.test(text))
    throw new UserError('bad_passphrase', 'a passphrase is one line of text without control characters');
  const canonical = text.normalize('NFC');
  if (canonical === '') throw new UserError('bad_passphrase', 'the passphrase is empty');
  const most = nodeLimits.passphraseBytes.value;
  if (Buffer.byteLength(canonical) > most)
    throw new UserError('bad_passphrase', `a passphrase has at most ${most} bytes`);
  return canonical as Passphrase;
}

/** One that is set. @throws UserError bad_passphrase */
export function newPassphrase(text: string): Passphrase {
  const canonical = passphrase(text);
  const least = nodeLimits.passphraseCharacters.value;
  if (Array.from(canonical).length < least)
    throw new UserError('bad_passphrase', `the passphrase has fewer than ${least} characters`);
  return canonical;
}
