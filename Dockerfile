# nginx's official image, with the gate in it:
#
#   docker build -t nginx-vcita-oauth .
#
# NGINX_TAG chooses a tag, one that is based on Debian, not on Alpine.  nginx's
# master process runs as root, as in the official image.  The same without root,
# on the image that listens on port 8080 and writes to /tmp alone:
#
#   docker build -t nginx-vcita-oauth --build-arg NGINX_USER=101 \
#          --build-arg NGINX_IMAGE=nginxinc/nginx-unprivileged .
#
# The project has no Docker engine to build this with.  What tools/docker-test.sh
# does instead: buildah builds it on a Debian with an nginx that was configured
# as that of the images is, for both of them, and runs what comes out.  The
# images themselves, and the download from nginx.org, have not been seen.

ARG NGINX_IMAGE=nginx
ARG NGINX_TAG=1.30


FROM ${NGINX_IMAGE}:${NGINX_TAG} AS build

ARG NGINX_USER=root

USER root

# the official image names a user for its workers, the other one does not
RUN if grep -q '^user ' /etc/nginx/nginx.conf; then \
        [ "$NGINX_USER" = root ] || [ "$NGINX_USER" = 0 ]; \
    else \
        [ "$NGINX_USER" != root ] && [ "$NGINX_USER" != 0 ]; \
    fi || { echo "NGINX_USER=$NGINX_USER does not fit this NGINX_IMAGE" >&2; \
            exit 1; }

RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl make

# the image says its version; a module fits no other
RUN mkdir /nginx \
    && curl -fsSL -o /nginx.tar.gz \
            "https://nginx.org/download/nginx-$NGINX_VERSION.tar.gz" \
    && tar -xzf /nginx.tar.gz --strip-components=1 -C /nginx

COPY . /vcita-oauth

RUN make -C /vcita-oauth install \
         NGINX_BINARY=/usr/sbin/nginx NGINX_SRC=/nginx DESTDIR=/out

# the packages of the libraries, as this Debian calls them
RUN ldd /out/usr/lib/nginx/modules/*.so \
    | awk '/lib(curl|hiredis|yajl)\.so/ { print $3 }' \
    | xargs realpath | xargs dpkg -S | cut -d : -f 1 > /packages \
    && [ "$(wc -l < /packages)" = 3 ]


FROM ${NGINX_IMAGE}:${NGINX_TAG}

ARG NGINX_USER=root

USER root

COPY --from=build /packages /tmp/packages

RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
               $(cat /tmp/packages) \
    && rm -rf /var/lib/apt/lists/* /tmp/packages

COPY --from=build /out/ /

# vcita-oauth-preflight --container: would a login work?
COPY --from=build /vcita-oauth/examples/preflight* /usr/local/lib/vcita-oauth/
RUN ln -s ../lib/vcita-oauth/preflight.sh /usr/local/bin/vcita-oauth-preflight

# what the health check asks, beside the servers of a site
RUN printf '%s\n' 'server {' '    listen      127.0.0.1:8090;' \
        '    access_log  off;' '    return      200 "ok\n";' '}' \
        > /etc/nginx/conf.d/health.conf

# nginx -t leaves files of root in /tmp, which another user could not replace
RUN sed -i '1i load_module modules/ngx_http_vcita_oauth_module.so;\n' \
        /etc/nginx/nginx.conf \
    && nginx -t \
    && rm -rf /tmp/*

ENV HEALTH_URL=http://127.0.0.1:8090/

HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
    CMD curl -fsS -m 3 --noproxy "*" -o /dev/null "$HEALTH_URL" || exit 1

# requests that nginx has are ended first, as in both images
STOPSIGNAL SIGQUIT

USER ${NGINX_USER}
