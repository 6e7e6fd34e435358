/** The id that a client gave its request, to find it by; most give none. */
export const clientRequestId = `
ALTER TABLE entries ADD COLUMN client_request_id TEXT;
CREATE INDEX entries_by_client_request_id ON entries (client_request_id) WHERE client_request_id IS NOT NULL;
`;
