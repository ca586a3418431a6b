# VcitaAssertion - the private keys of clients, made by the openssl command line once per process, and the
# assertions (RFC 7523) that they sign.  `use VcitaAssertion;` gives flows, and `--- gate eval` sections as
# VcitaFlow::Code::client_key():
#
#   client_key('rsa')        a PEM file, mode 600: rsa rsa_other ec ec_other, in older forms rsa1 ec1;
#                            of no use: rsa1024 pss p384 k256 ed25519 encrypted encrypted1 public
#   client_jwks('rsa', 'ec') their public keys, as a JWK set; the kid is the name
#   signed_token('rsa', { kid => 'rsa' }, { aud => 'app' })
#                            a compact JWS as vcita's SDK gives it, with that in its header and payload; undef takes
#                            a member away
#   asserted($request, 'ec') checks how a token request proves who sent it, by that key, and answers the
#                            assertion's { header, claims }
package VcitaAssertion;

use strict;
use warnings;

use File::Temp ();
use IPC::Open3 ();
use JSON::PP ();
use MIME::Base64 qw( encode_base64url decode_base64url );
use Symbol ();
use VcitaFlow ();

my $TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

my @RSA = qw( genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 );
my @EC  = qw( genpkey -algorithm EC -pkeyopt );

my %MADE_BY = (
    rsa => \@RSA, rsa_other => \@RSA,
    rsa1024 => [ qw( genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 ) ],
    pss => [ qw( genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 ) ],
    ec => [ @EC, 'ec_paramgen_curve:P-256' ], ec_other => [ @EC, 'ec_paramgen_curve:P-256' ],
    p384 => [ @EC, 'ec_paramgen_curve:P-384' ], k256 => [ @EC, 'ec_paramgen_curve:secp256k1' ],
    ed25519 => [ qw( genpkey -algorithm ED25519 ) ],
    ec1 => [ qw( ecparam -name prime256v1 -genkey ) ],
    rsa1 => [ qw( rsa -traditional -in ), \'rsa' ],
    encrypted => [ qw( pkcs8 -topk8 -passout pass:secret -in ), \'rsa' ],
    encrypted1 => [ qw( rsa -traditional -aes128 -passout pass:secret -in ), \'rsa' ],
    public => [ qw( pkey -pubout -in ), \'rsa' ],
);

my ($Dir, $Owner);


sub import {
    no strict 'refs';
    *{"VcitaFlow::Code::$_"} = \&$_ for qw( client_key client_jwks signed_token asserted );
}


sub client_key {
    my ($name) = @_;
    ($Dir, $Owner) = (File::Temp->newdir, $$) if !$Dir || $Owner != $$;

    my $path = "$Dir/$name.pem";
    return $path if -e $path;

    my $how = $MADE_BY{$name} or die "no such key: $name\n";
    openssl(map({ ref ? client_key($$_) : $_ } @$how), '-out', $path);
    chmod 0600, $path or die "$path: $!";
    return $path;
}


sub client_jwks {
    return { keys => [ map { { kid => $_, use => 'sig', %{ jwk($_) } } } @_ ] };
}


sub signed_token {
    my ($key, $header, $claims) = @_;
    my %h = (alg => 'RS256', typ => 'JWT', kid => $key, %{ $header || {} });
    my %c = (iss => 'intandem', aud => 'salonapp', sub => 'a383717599bf1893', sub_type => 'staff',
        actor_uid => 'a383717599bf1893', actor_type => 'staff', business_uid => 'ed469f8764326a66',
        directory_uid => 'u6g6s4q3386zs6j2', jti => 'j' . rand, iat => time, exp => time + 300, %{ $claims || {} });
    my @part = map { my $m = $_; delete @$m{ grep { !defined $m->{$_} } keys %$m };
        encode_base64url(JSON::PP->new->utf8->canonical->encode($m)) } \%h, \%c;
    return signed($key, join '.', @part);
}


# what is signed, and its signature by the key
sub signed {
    my ($key, $text) = @_;
    my $path = client_key($key);

    open my $fh, '>:raw', "$Dir/text" or die "$Dir/text: $!";
    print $fh $text;
    close $fh;
    return "$text." . encode_base64url(openssl(qw( dgst -sha256 -sign ), $path, "$Dir/text"));
}


sub jwk {
    my ($name) = @_;
    my $path = client_key($name);

    if ($name =~ /^rsa/) {
        my ($n) = openssl(qw( rsa -noout -modulus -in ), $path) =~ /Modulus=([0-9A-F]+)/ or die "$name: no modulus";
        return { kty => 'RSA', alg => 'RS256', n => encode_base64url(pack 'H*', $n), e => 'AQAB' };
    }

    my $point = substr openssl(qw( pkey -pubout -outform DER -in ), $path), -64;
    return { kty => 'EC', crv => 'P-256', alg => 'ES256', x => encode_base64url(substr $point, 0, 32),
             y => encode_base64url(substr $point, 32) };
}


# what is true of each token request that is signed; the rest is the caller's to look at
sub asserted {
    my ($request, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $f = $request->fields;
    VcitaFlow::is($f->{client_assertion_type}, $TYPE, "$name: client_assertion_type");
    VcitaFlow::is($f->{client_secret}, undef, "$name: no secret");

    my ($text, $signature) = ($f->{client_assertion} // '') =~ /^([\w-]+\.[\w-]+)\.([\w-]+)$/;
    VcitaFlow::ok(defined $text, "$name: three parts of base64url, without padding") or return {};
    VcitaFlow::ok(verified($name, $text, decode_base64url($signature)), "$name: the signature");

    my ($header, $claims) = map { JSON::PP::decode_json(decode_base64url($_)) } split /\./, $text;
    return { header => $header, claims => $claims };
}


# RFC 7518: 3.3 for RSA, 3.4 for P-256, which openssl wants as DER
sub verified {
    my ($name, $text, $signature) = @_;
    my $key = client_key($name);

    if ($name =~ /^ec/) {
        return 0 if length $signature != 64;
        $signature = der(0x30, join '', map { integer($_) } unpack 'a32 a32', $signature);
    }

    my %file = (text => $text, sig => $signature);
    for (sort keys %file) {
        open my $fh, '>:raw', "$Dir/$_" or die "$Dir/$_: $!";
        print $fh $file{$_};
        close $fh;
    }
    openssl(qw( pkey -pubout -in ), $key, '-out', "$Dir/pub");
    return eval { openssl(qw( dgst -sha256 -verify ), "$Dir/pub", '-signature', "$Dir/sig", "$Dir/text") } ? 1 : 0;
}


sub der { my ($tag, $bytes) = @_; return pack('CC', $tag, length $bytes) . $bytes }

sub integer {
    my ($bytes) = @_;
    $bytes =~ s/^\0+//;
    $bytes = "\0$bytes" if $bytes eq '' || ord($bytes) >= 0x80;
    return der(0x02, $bytes);
}


# its output; dies with what it said
sub openssl {
    my @args = @_;
    local $?;
    my $pid = IPC::Open3::open3(my $in, my $out, my $err = Symbol::gensym(), 'openssl', @args);
    close $in;
    binmode $out;
    local $/;
    my ($said, $why) = (scalar <$out>, scalar <$err>);
    waitpid $pid, 0;
    die "openssl $args[0]: $why\n" if $?;
    return $said;
}


1;
