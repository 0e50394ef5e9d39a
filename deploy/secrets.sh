#!/bin/sh
# Makes the secrets that compose.yml reads, once; what is there already is kept. Run it in deploy/.
set -eu
umask 077
mkdir -p secrets
random() { head -c 48 /dev/urandom | base64 | tr -d '\n/+=' | cut -c1-60; }
[ -s secrets/almanac_key ] || random >secrets/almanac_key
if [ ! -s secrets/postgres_password ]; then
    random >secrets/postgres_password
    printf 'postgres://almanac:%s@database:5432/almanac' "$(cat secrets/postgres_password)" >secrets/database_url
fi
if [ ! -s secrets/broker_url ]; then
    password="$(random)"
    printf 'amqp://almanac:%s@broker:5672/almanac' "$password" >secrets/broker_url
    printf 'default_user = almanac\ndefault_pass = %s\ndefault_vhost = almanac\n' "$password" >secrets/rabbitmq.conf
    chmod 644 secrets/rabbitmq.conf
fi
# The containers' user reads them; the folder itself stays closed to others.
chmod 644 secrets/almanac_key secrets/database_url secrets/broker_url secrets/postgres_password
