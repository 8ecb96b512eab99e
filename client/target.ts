/**
 * The kinds of key under which a file's top block lies, and what differs between them: how the block is made and opened, and
 * the text of the key (docs/spec/files.md, 1). Everything below the top block is the same for all of them.
 *
 * It does not derive keywords: scrypt takes long, and whoever starts a machine has done it.
 */
import { assertNever, type Block, type CryptoKey, decodeChk, decodeSsk, encodeChk } from '../keys/index.ts';
import { encodeSsk, formatUri, hashPublicKey, type KskSecret, type PublicKeyHash } from '../keys/index.ts';
import { type RoutingKey, type SskSecret, sskRoutingKey } from '../keys/index.ts';
import type { EncodedBlock } from './splitter.ts';

export type PutTarget =
  /** The file name is part of the URI's text only; it is not inserted. */
  | { readonly type: 'chk'; readonly fileName: string | undefined }
  | { readonly type: 'ssk'; readonly secret: SskSecret; readonly name: string }
  | { readonly type: 'ksk'; readonly secret: KskSecret };

export type GetTarget =
  | { readonly type: 'chk'; readonly routingKey: RoutingKey; readonly cryptoKey: CryptoKey }
  /** Of a `ksk` there can be several: anybody may insert one. All three places are asked and their answers compared. */
  | {
      readonly type: 'ssk' | 'ksk';
      readonly publicKeyHash: PublicKeyHash;
      readonly cryptoKey: CryptoKey;
      readonly name: string;
    };

export function encodeTop(
  target: PutTarget,
  { fileKey, payload }: { fileKey: CryptoKey; payload: Uint8Array },
): EncodedBlock {
  const { routingKey: key, block } =
    target.type === 'chk'
      ? encodeChk({ cryptoKey: fileKey, payload })
      : encodeSsk({ secret: target.secret, name: nameOf(target), payload });
  return { key, block };
}

/** What a reader is given. @throws ParseError bad_key when the file name or the name can't be part of a key. */
export function putUri(
  target: PutTarget,
  { routingKey, fileKey }: { routingKey: RoutingKey; fileKey: CryptoKey },
): string {
  switch (target.type) {
    case 'chk': {
      const path = target.fileName === undefined ? [] : [target.fileName];
      return formatUri({ kind: 'chk', form: 'request', routingKey, cryptoKey: fileKey, path });
    }
    case 'ssk': {
      const { publicKey, cryptoKey } = target.secret;
      const publicKeyHash = hashPublicKey(publicKey);
      return formatUri({
        kind: 'ssk',
        form: 'request',
        publicKeyHash,
        cryptoKey,
        name: target.name,
        path: [],
      });
    }
    case 'ksk':
      return formatUri({ kind: 'ksk', keyword: target.secret.name, path: [] });
    default:
      return assertNever(target);
  }
}

/** @throws ParseError bad_key when the name can't be part of a key. */
export function topRoutingKey(target: GetTarget): RoutingKey {
  return target.type === 'chk' ? target.routingKey : sskRoutingKey(target);
}

/** The metadata's bytes. @throws ParseError bad_block */
export function decodeTop(target: GetTarget, block: Block): Uint8Array {
  return target.type === 'chk' ? decodeChk({ ...target, block }) : decodeSsk({ ...target, block });
}

function nameOf(target: Exclude<PutTarget, { type: 'chk' }>): string {
  return target.type === 'ssk' ? target.name : target.secret.name;
}
