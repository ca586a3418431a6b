# nginx's official image, with the gate in it:
#
#   docker build -t nginx-vcita-oauth .
#
# For the tags that are based on Debian, not for those on Alpine.  NGINX_TAG
# chooses one: docker build --build-arg NGINX_TAG=1.30.4 .
#
# The project has no Docker engine to build this with.  What tools/docker-test.sh
# does instead: buildah builds it on a Debian with an nginx that was configured
# as that of the image is, and the answer of the result is a login.  nginx's own
# image, and the download from nginx.org, have not been seen.

ARG NGINX_TAG=1.30


FROM nginx:${NGINX_TAG} AS build

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


FROM nginx:${NGINX_TAG}

COPY --from=build /packages /tmp/packages

RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
               $(cat /tmp/packages) \
    && rm -rf /var/lib/apt/lists/* /tmp/packages

COPY --from=build /out/ /

RUN sed -i '1i load_module modules/ngx_http_vcita_oauth_module.so;\n' \
        /etc/nginx/nginx.conf \
    && nginx -t
