#!/bin/sh
# Runs once, when the database is made: the owner, who migrates, and the role that serves and owns nothing.
set -eu
psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" \
    --set owner_password="$DATABASE_OWNER_PASSWORD" --set app_password="$DATABASE_APP_PASSWORD" <<'SQL'
CREATE ROLE kppay_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE kppay_app LOGIN PASSWORD :'app_password';
CREATE DATABASE kppay OWNER kppay_owner;
SQL
