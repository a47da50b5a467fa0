/** When a certificate was issued and until when it is valid, milliseconds since 1970. */
export interface CertificateLife {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** At two thirds of its life, which leaves a third for tries that fail. */
export function renewalAtMs({ notBeforeMs, notAfterMs }: CertificateLife): number {
  return notBeforeMs + ((notAfterMs - notBeforeMs) * 2) / 3;
}

export function isRenewalDue(life: CertificateLife, wallMs: number): boolean {
  return wallMs >= renewalAtMs(life);
}
