#!/usr/bin/env bash
#
# tools/docker-test.sh: the Dockerfile, as far as it can be tried without Docker
# and without nginx's image: buildah builds it, on a clean Debian with an nginx
# that was configured as the one of the image is.  The nginx of what comes out
# runs, and its gate has to send the browser to vcita.
#
# That Debian is the release of this machine, and nginx the version of it; in the
# place of the download from nginx.org stand the sources it was built of.  Needs
# root.  The last line is `N passed, M failed`.
#
#   TEST_PORT  where nginx listens on 127.0.0.1 meanwhile (18080)

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/chroot.sh
. "$(dirname "$0")/chroot.sh"

out=$root/build/docker
port=${TEST_PORT:-18080}

# what nginx -V of the image says, but for --with-http_v3_module, where this
# nginx is older than it
image_arguments=(
    --prefix=/etc/nginx --sbin-path=/usr/sbin/nginx
    --modules-path=/usr/lib/nginx/modules --conf-path=/etc/nginx/nginx.conf
    --error-log-path=/var/log/nginx/error.log
    --http-log-path=/var/log/nginx/access.log --pid-path=/run/nginx.pid
    --lock-path=/run/nginx.lock
    --http-client-body-temp-path=/var/cache/nginx/client_temp
    --http-proxy-temp-path=/var/cache/nginx/proxy_temp
    --http-fastcgi-temp-path=/var/cache/nginx/fastcgi_temp
    --http-uwsgi-temp-path=/var/cache/nginx/uwsgi_temp
    --http-scgi-temp-path=/var/cache/nginx/scgi_temp --user=nginx --group=nginx
    --with-compat --with-file-aio --with-threads --with-http_addition_module
    --with-http_auth_request_module --with-http_dav_module
    --with-http_flv_module --with-http_gunzip_module
    --with-http_gzip_static_module --with-http_mp4_module
    --with-http_random_index_module --with-http_realip_module
    --with-http_secure_link_module --with-http_slice_module
    --with-http_ssl_module --with-http_stub_status_module
    --with-http_sub_module --with-http_v2_module --with-mail
    --with-mail_ssl_module --with-stream --with-stream_realip_module
    --with-stream_ssl_module --with-stream_ssl_preread_module
    "--with-cc-opt=-g -O2 -fstack-protector-strong -Wformat -Werror=format-security -Wp,-D_FORTIFY_SOURCE=2 -fPIC"
    "--with-ld-opt=-Wl,-z,relro -Wl,-z,now -Wl,--as-needed -pie")


buildah() { command buildah --root "$out/storage" --runroot "$out/run" \
                            --storage-driver vfs "$@"; }


# the nginx of the image, in folder $1
install_nginx() {
    local dir=$1

    tar -C "$out/source" --transform "s,^\.,nginx-$version," -czf \
        "$dir/nginx.tar.gz" .
    cd "$out/source"
    "$(configure_of .)" "${image_arguments[@]}"
    make -j "$jobs"
    make install DESTDIR="$dir"
    cd "$root"
}


# what else the image has, as far as the Dockerfile or the gate come across it
furnish() {
    local dir=$1

    ln -sfn /usr/lib/nginx/modules "$dir/etc/nginx/modules"
    mkdir -p "$dir/var/cache/nginx" "$dir/etc/nginx/conf.d" "$dir/usr/local/bin"

    cat > "$dir/etc/nginx/nginx.conf" << 'END'
user  nginx;
worker_processes  auto;
error_log  /var/log/nginx/error.log notice;
pid  /run/nginx.pid;

events {
    worker_connections  1024;
}

http {
    include  /etc/nginx/mime.types;
    include  /etc/nginx/conf.d/*.conf;
}
END

    # there is no way to nginx.org: the one address that it may be asked for
    cat > "$dir/usr/local/bin/curl" << END
#!/bin/bash
[ "\${*: -1}" = https://nginx.org/download/nginx-$version.tar.gz ] \\
    && [[ " \$* " == *" -o /nginx.tar.gz "* ]] && [ -f /nginx.tar.gz ]
END
    chmod +x "$dir/usr/local/bin/curl"

    ( inside "$dir" DEBIAN_FRONTEND=noninteractive sh -ec '
          useradd --system --no-create-home --shell /bin/false nginx
          apt-get -q update
          apt-get -q install -y --no-install-recommends \
                  libpcre2-8-0 libssl3 zlib1g
          nginx -t' )
}


# what nginx's image is to the Dockerfile
make_base() {
    local container

    install_nginx "$out/root"
    furnish "$out/root"

    container=$(buildah from scratch)
    buildah copy -q "$container" "$out/root" /
    buildah config --env NGINX_VERSION="$version" \
        --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        --cmd '["nginx", "-g", "daemon off;"]' "$container"
    buildah commit -q --rm "$container" docker.io/library/nginx:as-the-image
    rm -rf --one-file-system "$out/root"
}


build() {
    buildah bud --isolation chroot --network host --pull-never --layers=false \
            --build-arg NGINX_TAG=as-the-image -t gated "$root"
}


# login URL: is it answered by a redirect to vcita?
login() {
    curl -s -o /dev/null -w '%{http_code} %{redirect_url}\n' --noproxy '*' \
         --retry 20 --retry-connrefused --retry-delay 1 --retry-max-time 10 "$1" \
        | grep '^302 https://app\.vcita\.com/app/oauth/authorize?'
}


write_site() {
    cat > "$1/etc/nginx/conf.d/portal.conf" << END
server {
    listen  127.0.0.1:$port;

    vcita_oauth_client_id      e0faca0a2bca52368adfd0ac6035c7a5;
    vcita_oauth_client_secret  not-a-secret;
    vcita_oauth_redirect_uri   http://127.0.0.1:$port/oauth/callback;
    vcita_oauth                on;
}
END
}


[ "$(id -u)" = 0 ] || die "a clean Debian needs root"

# a step's output is in its log, of which the end is shown if it fails
ended() {
    local status=$?

    if [ -n "$pid" ]; then
        kill -KILL -- "-$pid" && wait "$pid"
    fi 2>/dev/null || true

    [ "$status" = 0 ] || [ -z "$log" ] || tail -n 30 "$log" >&2
    rm -rf --one-file-system "$out/storage" "$out/run" "$out/root"
}


pid='' log=
trap ended EXIT

version=$(binary_version)
rm -rf --one-file-system "$out"
mkdir -p "$out/source"
clean_debian "$out/root"
nginx_source "$version" "$out/source" "$out/fetch.log"

say "making what stands in for nginx's image"
log=$out/base.log
make_base > "$log" 2>&1

say "building the Dockerfile"
log=$out/build.log
build > "$log" 2>&1

container=$(buildah from --pull-never localhost/gated)
dir=$(buildah mount "$container")
write_site "$dir"

set -m
( inside "$dir" nginx -g "daemon off;" ) & pid=$!

if login "http://127.0.0.1:$port/"; then
    echo "1 passed, 0 failed"
else
    echo "0 passed, 1 failed"
    exit 1
fi
