import { type Static, Type } from 'typebox';
import { route } from './route.ts';
import { exact, isoTime, list, nameParams, nullable, oneOf } from './shapes.ts';

const pem = Type.String({ minLength: 1, maxLength: 8192, description: 'PEM' });
const address = Type.String({ minLength: 2, maxLength: 64, pattern: '^[0-9a-fA-F.:]+$', description: 'an IP address' });
const port = Type.Integer({ minimum: 1, maximum: 65_535 });

export const applicantSchema = exact({
  name: Type.String({ minLength: 1, maxLength: 256 }),
  role: oneOf(['node', 'witness']),
  /** Best first; the first is on the cluster network. */
  addresses: Type.Array(address, { minItems: 1, maxItems: 16 }),
  version: Type.String({ minLength: 1, maxLength: 64 }),
  storeFormat: Type.Integer({ minimum: 1 }),
  /** The machine's clock, milliseconds since 1970. */
  wallMs: Type.Number(),
});

/** Answered without signing in: whoever has the token may join. */
export const joinCluster = route({
  method: 'POST',
  path: '/join',
  summary:
    'Lets the machine that has a token into the cluster, once; it gets its certificate and what it needs to know.',
  signedIn: false,
  body: exact({
    token: exact({
      id: Type.String({ maxLength: 64, pattern: '^[A-Za-z0-9_-]+$' }),
      secret: Type.String({ maxLength: 128 }),
    }),
    applicant: applicantSchema,
    /** Further addresses for the certificate. */
    certificateAddresses: Type.Array(address, { maxItems: 16 }),
    /** Request for a certificate of the machine's own key (PKCS #10). */
    request: pem,
    /** The same for the key that QEMU uses; null for a witness. */
    qemuRequest: nullable(pem),
  }),
  response: {
    200: exact({
      clusterName: Type.String(),
      certificate: pem,
      qemuCertificate: nullable(pem),
      /** Key of the certificate authority, so that the new node can let others in; null for a witness. */
      caKey: nullable(pem),
      store: exact({
        members: list(exact({ name: Type.String(), address: Type.String() })),
        clientPort: port,
        peerPort: port,
      }),
      /** Null for a witness, which has no API. */
      administrator: nullable(exact({ user: Type.String(), passwordHash: Type.String() })),
      /** Certificates that are refused, signed by the authority (X.509 CRL). */
      revocationList: Type.String({ minLength: 1, description: 'PEM' }),
    }),
  },
});
export type Admission = Static<(typeof joinCluster.response)[200]>;

export const createJoinToken = route({
  method: 'POST',
  path: '/cluster/tokens',
  summary: 'A new token with which one machine may join.',
  body: exact({
    /** One hour by default. */
    validSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 7 * 86_400 })),
  }),
  response: { 201: exact({ token: Type.String(), expiresAt: isoTime }) },
});

export const evictNode = route({
  method: 'POST',
  path: '/nodes/:name/evict',
  summary:
    'Removes a node for good: its seat in the database first, then everything the cluster knows of it. It must be down and own no VM.',
  params: nameParams,
  response: { 200: exact({ name: Type.String(), seatRemoved: Type.Boolean() }) },
});
