# Site - the configurations that are measured: the same targets without a gate
# and behind one, the application behind them, and a stand-in for vcita.

package Site;

use strict;
use warnings;

use Bench;

use Exporter 'import';

our @EXPORT = qw( %PORT $CLIENT_ID $SECRET gate_settings plain_server
                  gate_server header_server bearer_server back_servers
                  redirect_length claim_values );

# a claim of each of the headers X-1 to X-6
my @CLAIMS = qw( email business_uid sub role business_name directory_uid );

# of the application at vcita
our $CLIENT_ID = 'e0faca0a2bca52368adfd0ac6035c7a5';
our $SECRET = 's3cret-0123456789abcdef-0123456789';

our %PORT;
@PORT{qw( plain gate app vcita silent check auth apache apache_shm hanging
          memory people header bearer fresh apache_off plain_tls gate_tls
          header_tls auth_tls )} = map { port($_) } 0 .. 19;


# the application at vcita; everything else is as it comes
sub gate_settings {
    my (%change) = @_;

    my %setting = (
        client_id => $CLIENT_ID,
        client_secret => $SECRET,
        redirect_uri => "http://127.0.0.1:$PORT{gate}/oauth/callback",
        token_endpoint => "http://127.0.0.1:$PORT{vcita}/oauth/token",
        userinfo_endpoint => "http://127.0.0.1:$PORT{vcita}/oauth/userinfo",
        %change,
    );

    return join '', map { "        vcita_oauth_$_ $setting{$_};\n" }
        sort keys %setting;
}


# what the session has for X-1 to X-6
sub claim_values {
    return map { $CLAIMS =~ /"$_":"([^"]*)"/ } @CLAIMS;
}


# the targets, each with so many headers from the values given
sub targets {
    my ($gate, @values) = @_;
    my $text = '';

    for my $n (0, 2, 6) {
        my @pairs = map { "X-$_ \"$values[$_ - 1]\"" } 1 .. $n;
        my $add = join '', map { "add_header $_; " } @pairs;
        my $set = join '', map { "proxy_set_header $_; " } @pairs;

        $text .= <<END;
        location = /gif$n   { $gate $add empty_gif; }
        location = /1k$n    { $gate $add alias $DIR/html/1k; }
        location = /proxy$n { $gate $set proxy_set_header Connection "";
                              proxy_http_version 1.1; proxy_pass http://app; }
END
    }

    return $text;
}


sub plain_server {
    my ($redirect) = @_;

    return <<END . targets('', map { "\$arg_$_" } 1 .. 6) . "    }\n";
    upstream app { server 127.0.0.1:$PORT{app}; keepalive 32; }
    server {
        listen 127.0.0.1:$PORT{plain};
        location = /302 { return 302 $redirect; }
END
}


sub gate_server {
    my (%change) = @_;

    return <<END
    vcita_oauth_rate off;
    server {
        listen 127.0.0.1:$PORT{gate};
        location = /oauth/callback { }
        location = /free { empty_gif; }
END
        . gate_settings(%change)
        . targets('vcita_oauth on;', map { "\$vcita_oauth_claim_$_" } @CLAIMS)
        . "    }\n";
}


# two claims by vcita_oauth_header, for the sessions of gate_server; in a server of
# its own, since it removes these headers in all locations
sub header_server {
    my (%change) = @_;

    return <<END . gate_settings(%change) . "    }\n";
    server {
        listen 127.0.0.1:$PORT{header};
        vcita_oauth_header X-1 \$vcita_oauth_claim_$CLAIMS[0];
        vcita_oauth_header X-2 \$vcita_oauth_claim_$CLAIMS[1];
        location = /free { empty_gif; }
        location = /proxy2 { vcita_oauth on; proxy_set_header Connection "";
                             proxy_http_version 1.1; proxy_pass http://app; }
END
}


# the targets for signed tokens, which no session opens
sub bearer_server {
    my (%change) = @_;

    return <<END . gate_settings(%change)
    server {
        listen 127.0.0.1:$PORT{bearer};
        vcita_oauth_jwks_endpoint http://127.0.0.1:$PORT{vcita}/keys;
END
        . targets('vcita_oauth on; vcita_oauth_bearer benchapp;',
                  map { "\$vcita_oauth_claim_$_" } @CLAIMS)
        . "    }\n";
}


# the application: 1 KiB, whatever is asked for; vcita: a token, a person
sub back_servers {
    my $token = '0123456789abcdef' x 4;

    return <<END;
    server {
        listen 127.0.0.1:$PORT{app};
        location / { root $DIR/html; rewrite ^ /1k break; }
    }
    server {
        listen 127.0.0.1:$PORT{check};
        location / { return 204; }
    }
    server {
        listen 127.0.0.1:$PORT{vcita};
        default_type application/json;
        location = /oauth/token {
            return 200 '{"access_token":"$token","token_type":"Bearer","expires_in":631139040}';
        }
        location = /oauth/userinfo { return 200 '$CLAIMS'; }
        location = /keys { alias $DIR/html/keys.json; }
    }
END
}


# how much longer the gate's redirect is than a plain "return 302"
sub redirect_length {
    my ($gated) = @_;
    my ($gate, $plain) = map {
        my ($status, $head, $body) = ask(connection($PORT{ $_->[0] }),
            "GET $_->[1] HTTP/1.1\r\n" . browser_headers('127.0.0.1'));
        length("$head$body");
    } [ gate => $gated // '/gif0' ], [ plain => '/302' ];

    return $gate - $plain;
}


1;
