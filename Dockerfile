# One file for every service (SERVICE) and its migrations (another command). Node runs the TypeScript as it is, so nothing is built
# but the database clients, which are generated from each service's schema.
FROM node:24-slim AS base
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
COPY libs/events/package.json libs/events/
COPY libs/chassis/package.json libs/chassis/
COPY examples/shipping/package.json examples/shipping/
COPY services/catalog/package.json services/catalog/
COPY services/coupon/package.json services/coupon/
COPY services/gateway/package.json services/gateway/
COPY services/order/package.json services/order/
COPY services/payment/package.json services/payment/
COPY services/ranking/package.json services/ranking/

# The database clients are made with the development packages, which stay out of the image.
FROM base AS clients
RUN npm ci --ignore-scripts --include=dev
COPY services services
COPY examples examples
RUN for schema in services/*/prisma/schema.prisma examples/*/prisma/schema.prisma; do \
      PRISMA_SCHEMA_ENGINE_BINARY=/bin/true CHECKPOINT_DISABLE=1 npx prisma generate --schema="$schema" || exit 1; \
    done

FROM base
RUN npm ci --ignore-scripts --omit=dev && npm cache clean --force
COPY libs libs
COPY ops ops
COPY ops-console ops-console
COPY storefront storefront
COPY --from=clients /app/services services
COPY --from=clients /app/examples examples
ARG SERVICE=gateway
ENV SERVICE=${SERVICE} HOST=0.0.0.0 PORT=3000
USER node
EXPOSE 3000
# exec: the service gets SIGTERM itself and ends its work in order.
CMD ["sh", "-c", "exec node --max-old-space-size=160 services/$SERVICE/src/main.ts"]
