import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { CertificateIssuer } from '../ports/pki.ts';
import type { ApiContext, FormationContext } from './context.ts';

/** Throws REQUIREMENT_MISSING where this node cannot do it. */
export function requireFormation(context: ApiContext): FormationContext & { readonly issuer: CertificateIssuer } {
  const { formation } = context;
  if (formation !== null && formation.issuer !== null) return { ...formation, issuer: formation.issuer };
  throw new GodwitError({
    code: 'REQUIREMENT_MISSING',
    message: `${context.nodeName} does not have the key of the cluster's certificate authority.`,
    state: NOTHING_CHANGED,
    nextStep: 'Ask another node of the cluster: godwit --cluster https://NODE:8440 …',
  });
}
