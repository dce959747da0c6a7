import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';

/** A certificate and its private key, both PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** An authority that a test makes for itself. */
export interface Authority {
  /** Its own certificate, PEM. */
  readonly ca: string;
  /** A certificate for servers and clients. Default: of 127.0.0.1 and localhost, good for a day. */
  issue(wish?: { readonly names?: readonly string[]; readonly expired?: boolean }): Issued;
}

const DAY_MS = 86_400_000;
const DNS_NAME = 2;
const IP_ADDRESS = 7;

export function createAuthority(name = 'authority of a test'): Authority {
  const own = newKey();
  const subject = [{ name: 'commonName', value: name }];
  const ca = signed({
    ...{ of: own, by: own, subject, issuer: subject, until: DAY_MS },
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true },
    ],
  });
  return {
    ca,
    issue({ names = ['127.0.0.1', 'localhost'], expired = false } = {}) {
      const key = newKey();
      const altNames = names.map((each) =>
        isIP(each) ? { type: IP_ADDRESS, ip: each } : { type: DNS_NAME, value: each },
      );
      const cert = signed({
        ...{ of: key, by: own, issuer: subject, until: expired ? -DAY_MS : DAY_MS },
        subject: [{ name: 'commonName', value: 'shop' }],
        extensions: [
          { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
          { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          { name: 'subjectAltName', altNames },
        ],
      });
      return { cert, key: key.pkcs8 };
    },
  };
}

interface Key {
  /** For clients and servers. */
  readonly pkcs8: string;
  readonly publicKey: forge.pki.rsa.PublicKey;
  readonly privateKey: KeyObject;
}

/** Node makes the keys, and signs with them: the library alone takes seconds. */
function newKey(): Key {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  return {
    pkcs8: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    publicKey: forge.pki.publicKeyFromPem(publicKey.export({ type: 'spki', format: 'pem' }) as string),
    privateKey,
  };
}

interface Wish {
  readonly of: Key;
  readonly by: Key;
  readonly subject: forge.pki.CertificateField[];
  readonly issuer: forge.pki.CertificateField[];
  /** Good until then, ms from now. */
  readonly until: number;
  readonly extensions: object[];
}

function signed({ of, by, subject, issuer, until, extensions }: Wish): string {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = of.publicKey;
  // The first byte keeps the number positive, and without padding.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date(Date.now() - 2 * DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + until);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer);
  certificate.setExtensions(extensions);
  certificate.sign(signer(certificate, by.privateKey), forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

/** A key of the library that signs by Node: of the library's keys, `sign` is all that is asked for. */
function signer(certificate: forge.pki.Certificate, key: KeyObject): forge.pki.rsa.PrivateKey {
  const tbs = () => forge.asn1.toDer(certificate.tbsCertificate as forge.asn1.Asn1).getBytes();
  return {
    sign: () => sign('sha256', Buffer.from(tbs(), 'binary'), key).toString('binary'),
  } as Partial<forge.pki.rsa.PrivateKey> as forge.pki.rsa.PrivateKey;
}
