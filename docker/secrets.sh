#!/bin/sh
# Makes the passwords and certificates that compose.yaml needs, in the folder `secrets`; those that
# there are stay. Who runs in a container must be able to read them, so the folder alone is closed.
set -eu
mkdir -p "$(dirname "$0")/secrets"
cd "$(dirname "$0")/secrets"
chmod 700 .

for name in postgres-password grafana-password; do
    test -e "$name" || openssl rand -hex 32 >"$name"
done
if ! test -e cert.pem; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
        -subj "/CN=relaxd CA" -addext keyUsage=critical,keyCertSign -keyout ca-key.pem -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -subj "/CN=relaxd" -keyout key.pem -out request.pem
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial \
        -days 3650 -out cert.pem
    rm request.pem
fi
chmod 444 -- *
chmod 400 ca-key.pem
