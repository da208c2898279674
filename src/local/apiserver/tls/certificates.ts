import type { webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { X509Certificate } from '@peculiar/x509';

/** PEM texts. */
export type Credentials = {
  readonly authority: string;
  readonly server: { readonly certificate: string; readonly key: string };
  readonly admin: { readonly certificate: string; readonly key: string };
};

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
type Keys = { readonly publicKey: webcrypto.CryptoKey; readonly privateKey: webcrypto.CryptoKey };

const yearMs = 365 * 24 * 3600 * 1000;
const validYears = 10;

/**
 * The server's own authority, its certificate for `address`, localhost and the usual in-cluster names, and the
 * administrator's client certificate (`O=system:masters, CN=admin`). Kept in `folder`, so that a kubeconfig that was
 * handed out stays good over restarts; made anew when the address changes or the certificates near their end.
 */
export async function credentials(folder: string, address: string, nowMs: number): Promise<Credentials> {
  const path = join(folder, 'credentials.json');
  if (existsSync(path)) {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Credentials & { address: string; renewAfterMs: number };
    if (kept.address === address && kept.renewAfterMs > nowMs) return kept;
  }
  const made = await issue(address, nowMs);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const renewAfterMs = nowMs + (validYears - 1) * yearMs;
  writeFileSync(path, JSON.stringify({ ...made, address, renewAfterMs }), { mode: 0o600 });
  return made;
}

/** @peculiar/x509 needs decorator metadata, so a polyfill comes first; both are loaded only when something is issued. */
async function issue(address: string, nowMs: number): Promise<Credentials> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const validity = { notBefore: new Date(nowMs - 3600_000), notAfter: new Date(nowMs + validYears * yearMs) };
  const keys = () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<Keys>;
  const pem = (certificate: X509Certificate): string => `${certificate.toString('pem')}\n`;
  const keyPem = async (pair: Keys): Promise<string> =>
    `${x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', pair.privateKey), 'PRIVATE KEY')}\n`;

  const authorityKeys = await keys();
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=hikube-kafka-local',
    ...validity,
    keys: authorityKeys,
    signingAlgorithm: algorithm,
    serialNumber: '01',
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const leaf = async (
    subject: string,
    serialNumber: string,
    usage: string,
    names?: { type: 'dns' | 'ip'; value: string }[],
  ) => {
    const pair = await keys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject,
      issuer: authority.subject,
      serialNumber,
      ...validity,
      publicKey: pair.publicKey,
      signingKey: authorityKeys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        ...(names === undefined ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      ],
    });
    return { certificate: pem(certificate), key: await keyPem(pair) };
  };
  const addresses = [...new Set([address, '127.0.0.1', '::1'])].filter((value) => /^[\d.]+$|:/.test(value));
  const hosts = [
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  return {
    authority: pem(authority),
    server: await leaf('CN=kube-apiserver', '02', '1.3.6.1.5.5.7.3.1', [
      ...addresses.map((value) => ({ type: 'ip' as const, value })),
      ...[...new Set([...(addresses.includes(address) ? [] : [address]), ...hosts])].map((value) => ({
        type: 'dns' as const,
        value,
      })),
    ]),
    admin: await leaf('O=system:masters, CN=admin', '03', '1.3.6.1.5.5.7.3.2'),
  };
}
