import { attribute } from './attribute.ts'
import type { Attribute, AttributeType, Characteristics } from './attribute.ts'
import type { Schema } from './resource-type.ts'

/** RFC 7643 sections 4.1 and 8.7.1. */
export const userSchema: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:User',
  name: 'User',
  description: 'User Account',
  attributes: [
    attribute('userName', 'string', 'The name by which the user signs in. Unique per connection, in any letter case.', {
      required: true,
      uniqueness: 'server',
      profile: 'UsernameCaseMapped',
    }),
    attribute('name', 'complex', "The parts of the user's name.", {
      subAttributes: [
        attribute('formatted', 'string', 'The full name, formatted for display.'),
        attribute('familyName', 'string', 'The family name.'),
        attribute('givenName', 'string', 'The given name.'),
        attribute('middleName', 'string', 'The middle names.'),
        attribute('honorificPrefix', 'string', 'Titles before the name, such as "Dr.".'),
        attribute('honorificSuffix', 'string', 'Suffixes after the name, such as "III".'),
      ],
    }),
    attribute('displayName', 'string', 'The name shown to other people.'),
    attribute('nickName', 'string', 'The casual way to address the user.'),
    attribute('profileUrl', 'reference', "The address of the user's online profile.", { referenceTypes: ['external'] }),
    attribute('title', 'string', 'The title, such as "Vice President".'),
    attribute('userType', 'string', 'The relation to the organization, such as "Contractor".'),
    attribute('preferredLanguage', 'string', 'The preferred languages, as in an Accept-Language header.'),
    attribute('locale', 'string', 'The default location, for currency, dates and numbers.'),
    attribute('timezone', 'string', 'The time zone, as in the IANA database, such as "Europe/Berlin".'),
    attribute('active', 'boolean', 'Whether the user may sign in.'),
    attribute('password', 'string', 'A password in clear text; it is never returned.', {
      mutability: 'writeOnly',
      returned: 'never',
    }),
    plural('emails', 'string', 'Email addresses.', { canonicalValues: ['work', 'home', 'other'] }),
    plural('phoneNumbers', 'string', 'Telephone numbers.', {
      canonicalValues: ['work', 'home', 'mobile', 'fax', 'pager', 'other'],
    }),
    plural('ims', 'string', 'Instant messaging addresses.', {
      canonicalValues: ['aim', 'gtalk', 'icq', 'xmpp', 'msn', 'skype', 'qq', 'yahoo'],
    }),
    plural('photos', 'reference', 'Addresses of pictures.', { canonicalValues: ['photo', 'thumbnail'] }),
    attribute('addresses', 'complex', 'Postal addresses.', {
      multiValued: true,
      subAttributes: [
        attribute('formatted', 'string', 'The full address, formatted for display; lines end in a newline.'),
        attribute('streetAddress', 'string', 'Street, house number, post office box.'),
        attribute('locality', 'string', 'The city.'),
        attribute('region', 'string', 'The state or region.'),
        attribute('postalCode', 'string', 'The postal code.'),
        attribute('country', 'string', 'The country, as in ISO 3166-1 alpha-2.'),
        attribute('type', 'string', 'What the address is for.', { canonicalValues: ['work', 'home', 'other'] }),
        primary(),
      ],
    }),
    attribute('groups', 'complex', 'The groups the user belongs to, directly or through other groups.', {
      multiValued: true,
      mutability: 'readOnly',
      subAttributes: [
        attribute('value', 'string', 'The id of the group.', { mutability: 'readOnly' }),
        attribute('$ref', 'reference', 'The address of the group.', {
          mutability: 'readOnly',
          referenceTypes: ['User', 'Group'],
        }),
        attribute('display', 'string', 'The name of the group.', { mutability: 'readOnly' }),
        attribute('type', 'string', 'Whether the user is a member itself or through another group.', {
          mutability: 'readOnly',
          canonicalValues: ['direct', 'indirect'],
        }),
      ],
    }),
    plural('entitlements', 'string', 'Things the user may do or have.'),
    plural('roles', 'string', 'Roles of the user.'),
    plural('x509Certificates', 'binary', 'Certificates of the user, DER in Base64.'),
  ],
}

function plural(name: string, type: AttributeType, description: string, kind: Characteristics = {}): Attribute {
  const reference = type === 'reference' ? { referenceTypes: ['external'] } : {}
  return attribute(name, 'complex', description, {
    multiValued: true,
    subAttributes: [
      attribute('value', type, 'The value itself.', reference),
      attribute('display', 'string', 'The value in words, for display.'),
      attribute('type', 'string', 'What the value is for.', kind),
      primary(),
    ],
  })
}

/** Section 8.7.1 leaves it out of addresses; section 2.4 gives it to every multi-valued attribute and section 8.2 uses it there. */
function primary(): Attribute {
  return attribute('primary', 'boolean', 'Whether this is the preferred value; true at most once.')
}
