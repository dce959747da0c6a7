# One image for every service, for their migrations and for the operators' tools: SERVICE, or another command, says which
# runs. Node runs the TypeScript as it is, so nothing is built but the database clients, which are generated from each
# service's schema.
FROM node:24.21.0-slim AS manifests
WORKDIR /all
COPY libs libs
COPY services services
COPY examples examples
# Only these decide what is installed: the layers of packages stay while nothing but code changes.
RUN mkdir /manifests && cp --parents libs/*/package.json services/*/package.json examples/*/package.json /manifests

FROM node:24.21.0-slim AS base
WORKDIR /app
ENV NODE_ENV=production
COPY --from=manifests /manifests ./
COPY package.json package-lock.json .npmrc ./

# The database clients are made with the development packages, which stay out of the image.
FROM base AS clients
RUN npm ci --ignore-scripts --include=dev
COPY services services
COPY examples examples
RUN for schema in services/*/prisma/schema.prisma examples/*/prisma/schema.prisma; do \
      PRISMA_SCHEMA_ENGINE_BINARY=/bin/true CHECKPOINT_DISABLE=1 npx prisma generate --schema="$schema" || exit 1; \
    done

FROM base
# Prisma's command line, which also develops and draws databases, is an optional peer of its client: without these three
# it would bring 126 packages.
RUN npm ci --ignore-scripts --omit=dev --omit=optional --omit=peer && npm cache clean --force
COPY libs libs
COPY ops ops
COPY ops-console ops-console
COPY storefront storefront
COPY --from=clients /app/services services
COPY --from=clients /app/examples examples
# The limits of deploy/local/service-process.ts, which says why. HEAP_MB is the old generation's.
# What was built, as `build_info` tells it: docker build --build-arg REVISION=$(git rev-parse HEAD).
ARG REVISION=
ENV BUILD_REVISION=$REVISION HOST=0.0.0.0 METRICS_HOST=0.0.0.0 PORT=3000 SERVICE=gateway HEAP_MB=256 \
    MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
# Node's own user, by number: orchestrators that refuse root cannot tell a name. Nothing is written below /app, so the
# root file system may be read-only.
USER 1000
EXPOSE 3000
# exec: the service gets SIGTERM itself and ends its work in order.
CMD ["sh", "-c", "exec node --max-old-space-size=$HEAP_MB --max-semi-space-size=16 --heap-growing-percent=150 --single-threaded-gc --expose-gc services/$SERVICE/src/main.ts"]
