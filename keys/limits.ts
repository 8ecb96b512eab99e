/**
 * The limits of this room: each has a name, a unit and the reason for its value, and docs/LIMITS.md is generated from here.
 * Sizes that define the format (a block, a key) are not limits: they are constants in bytes.ts.
 */

/** The shape in which every room publishes its limits. */
export type Limits = Readonly<
  Record<string, { readonly value: number; readonly unit: string; readonly reason: string }>
>;

export const keyLimits = {
  uriChars: {
    value: 4_096,
    unit: 'characters',
    reason: 'A URI fits one line of a mail or a log, and parsing foreign text stays cheap.',
  },
  nameBytes: {
    value: 512,
    unit: 'bytes',
    reason: 'Names of SSKs, sites and keywords, as UTF-8: percent-encoded (× 3) they still fit a URI.',
  },
  cborDepth: {
    value: 8,
    unit: 'levels',
    reason: 'Ours nest four deep; the decoder recurses, and 5,000 levels exhaust its stack.',
  },
  cborItems: {
    value: 4_096,
    unit: 'items',
    reason:
      'More than any message holds; bounds the objects that one message makes. Metadata passes its own.',
  },
  cborStringBytes: {
    value: 65_536,
    unit: 'bytes',
    reason: 'The longest string on the wire is a block (32,924 bytes).',
  },
  kskAtOnce: {
    value: 2,
    unit: 'derivations',
    reason: 'scrypt takes 32 MiB and a thread of the pool for 55 ms; disk reads share the four threads.',
  },
  kskWaiting: {
    value: 32,
    unit: 'derivations',
    reason: 'About a second of work; a longer queue would answer nobody in time.',
  },
  publicKeysKept: {
    value: 256,
    unit: 'keys',
    reason: 'Importing a public key costs a third of a verification; peers and followed sites repeat.',
  },
  agreementKeysKept: {
    value: 16,
    unit: 'keys',
    reason: 'The static secret of each node in the process and the ephemeral ones of handshakes in work.',
  },
  signingKeysKept: {
    value: 16,
    unit: 'keys',
    reason: 'Importing a seed costs half of a signature; few identities sign at a time.',
  },
} as const satisfies Limits;
