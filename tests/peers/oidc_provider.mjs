// oidc-provider (npm), a certified OpenID Connect provider, for the tests of sign-in. Loopback only.
// usage: node oidc_provider.mjs MODULES PORT ACCESS_SECONDS READER      MODULES: the folder node_modules
// Clients: teleread (public: code + PKCE at any loopback port, device code, refresh tokens that rotate) and
// teleread-system (private_key_jwt with the keys of the environment variable JWKS, client_credentials).
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, port, seconds, reader] = process.argv.slice(2);
const found = createRequire(`${modules}/x.js`).resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(found).href);
const issuer = `http://127.0.0.1:${port}`;
const scopes = ['openid', 'offline_access', 'fhirUser', 'user/*.crus', 'system/*.crus'];
const clients = [{
  client_id: 'teleread', token_endpoint_auth_method: 'none', application_type: 'native',
  redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
}];
if (process.env.JWKS) clients.push({
  client_id: 'teleread-system', token_endpoint_auth_method: 'private_key_jwt', redirect_uris: [],
  token_endpoint_auth_signing_alg: process.env.ALG, response_types: [],
  grant_types: ['client_credentials'], jwks: JSON.parse(process.env.JWKS), scope: 'system/*.crus',
});
const provider = new Provider(issuer, {
  clients, scopes,
  clientAuthMethods: ['none', 'private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: ['ES384', 'RS384'] },
  claims: { openid: ['sub'], fhirUser: ['fhirUser'] },
  conformIdTokenClaims: false,
  features: {
    deviceFlow: { enabled: true }, clientCredentials: { enabled: true }, revocation: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true }, devInteractions: { enabled: true },
  },
  ttl: { AccessToken: Number(seconds), ClientCredentials: Number(seconds), DeviceCode: 300, RefreshToken: 3600,
    IdToken: 300, Session: 3600, Grant: 3600, Interaction: 600 },
  issueRefreshToken: (ctx, client, code) => client.grantTypeAllowed('refresh_token')
    && code.scopes.has('offline_access'),
  rotateRefreshToken: true,
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, fhirUser: `Practitioner/${reader}` }) }),
  cookies: { keys: ['test-only'] },
});
const server = provider.listen(Number(port), '127.0.0.1', () => console.log(`listening ${issuer}`));
process.on('SIGTERM', () => { server.closeAllConnections(); server.close(() => process.exit(0)); });
